package io.vllmd.chat.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.vllmd.chat.tokenizer.TestTokenizer;
import io.vllmd.chat.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Any tokens give, piece by piece, what a plain reading of the whole gives. */
class OutputPipelinePropertyTest {
    private static final int OPEN = 256;
    private static final int CLOSE = 257;
    private static final int SPECIAL = 258;
    private static final Tokenizer TOKENIZER = TestTokenizer.bytes()
            .added("<t>")
            .added("</t>")
            .added("<end>", "special")
            .added("ab\n")
            .added("é<t")
            .load();
    /** Bytes that make tags, stop strings, newlines and halves of characters likely. */
    private static final byte[] LIKELY = "aabbc\n\n<t></t>".getBytes(StandardCharsets.UTF_8);

    private static final int[] BROKEN = {0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 0xe4, 0xed, 0xa0, 0xff};
    private static final String[] STOPS = {
        "a", "ab", "aba", "abab", "bb", "\n", "\n\n", "b\n", "<", "<t", "</t>", "t>", "é", "😀", "\ufffd", "c<t>a", ""
    };

    private record Whole(String text, String reasoning, boolean stopped) {}

    @Test
    void piecesMakeTheWhole() {
        Random random = new Random(23);
        for (int round = 0; round < 60_000; round++) {
            check(random, 1 + random.nextInt(40));
        }
    }

    /** Row 32 of the inventory of weaknesses: work that grows with the square of an answer's length. */
    @Test
    void row32LongAnswersWithLongStopStringsStayExactAndLinear() {
        Random random = new Random(24);
        String stop = "ab".repeat(500) + "c";
        OutputPipeline pipeline = new OutputPipeline(TOKENIZER, List.of(stop), new ReasoningFormat.None(), false);
        StringBuilder sent = new StringBuilder();
        StringBuilder got = new StringBuilder();
        for (int i = 0; i < 200_000; i++) {
            char c = random.nextInt(900) == 0 ? 'b' : "ab".charAt(i % 2);
            sent.append(c);
            pipeline.push(c, event -> got.append(((OutputEvent.Text) event).text()));
        }
        pipeline.finish(event -> got.append(((OutputEvent.Text) event).text()));
        assertEquals(sent.toString(), got.toString());
    }

    private static void check(Random random, int length) {
        int[] ids = new int[length];
        for (int i = 0; i < length; i++) {
            ids[i] = switch (random.nextInt(12)) {
                case 0 -> OPEN;
                case 1 -> CLOSE;
                case 2 -> random.nextInt(OPEN, 270);
                case 3 -> BROKEN[random.nextInt(BROKEN.length)];
                case 4 -> random.nextInt(20) == 0 ? -7 : SPECIAL;
                default -> LIKELY[random.nextInt(LIKELY.length)];
            };
        }
        List<String> stop = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            stop.add(STOPS[random.nextInt(STOPS.length)]);
        }
        boolean open = random.nextBoolean();
        ReasoningFormat format = switch (random.nextInt(3)) {
            case 0 -> new ReasoningFormat.None();
            case 1 -> new ReasoningFormat.TagIds(OPEN, CLOSE);
            default -> new ReasoningFormat.TagTexts("<t>", "</t>");
        };
        String situation = TOKENIZER.decode(ids, true) + " stop " + stop + " " + format + " open " + open;
        assertEquals(whole(ids, stop, format, open), inPieces(ids, stop, format, open), situation);
    }

    private static Whole inPieces(int[] ids, List<String> stop, ReasoningFormat format, boolean open) {
        OutputPipeline pipeline = new OutputPipeline(TOKENIZER, stop, format, open);
        StringBuilder text = new StringBuilder();
        StringBuilder reasoning = new StringBuilder();
        List<OutputEvent> events = new ArrayList<>();
        for (int id : ids) {
            pipeline.push(id, events::add);
        }
        pipeline.finish(events::add);
        for (OutputEvent event : events) {
            String piece = switch (event) {
                case OutputEvent.Text answer -> answer.text();
                case OutputEvent.Reasoning thought -> thought.text();
            };
            assertFalse(piece.isEmpty());
            assertFalse(Character.isHighSurrogate(piece.charAt(piece.length() - 1)));
            (event instanceof OutputEvent.Text ? text : reasoning).append(piece);
        }
        return new Whole(text.toString(), reasoning.toString(), pipeline.stopped());
    }

    /** The plain reading: cut the answer at its tags, trim, cut the text at its stop string. */
    private static Whole whole(int[] ids, List<String> stop, ReasoningFormat format, boolean open) {
        List<String> sections = switch (format) {
            case ReasoningFormat.None none -> List.of(TOKENIZER.decode(ids));
            case ReasoningFormat.TagIds tags -> sectionsByIds(ids, open);
            case ReasoningFormat.TagTexts tags -> sectionsByText(TOKENIZER.decode(ids), tags, open);
        };
        boolean reasoningNow = open && !(format instanceof ReasoningFormat.None);
        StringBuilder text = new StringBuilder();
        StringBuilder reasoning = new StringBuilder();
        for (int s = 0; s < sections.size(); s++, reasoningNow = !reasoningNow) {
            String section = sections.get(s);
            if (reasoningNow) {
                String trimmed = section.replaceAll("\\A\n+", "");
                reasoning.append(s + 1 < sections.size() ? trimmed.replaceAll("\n+\\z", "") : trimmed);
                continue;
            }
            String visible = s > 0 ? section.replaceAll("\\A\n+", "") : section;
            int end = firstStop(visible, stop);
            text.append(visible, 0, end < 0 ? visible.length() : end);
            if (end >= 0) {
                return new Whole(text.toString(), reasoning.toString(), true);
            }
        }
        return new Whole(text.toString(), reasoning.toString(), false);
    }

    private static List<String> sectionsByIds(int[] ids, boolean open) {
        List<String> sections = new ArrayList<>();
        boolean reasoning = open;
        int start = 0;
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] == (reasoning ? CLOSE : OPEN)) {
                sections.add(TOKENIZER.decode(Arrays.copyOfRange(ids, start, i)));
                reasoning = !reasoning;
                start = i + 1;
            }
        }
        sections.add(TOKENIZER.decode(Arrays.copyOfRange(ids, start, ids.length)));
        return sections;
    }

    private static List<String> sectionsByText(String text, ReasoningFormat.TagTexts tags, boolean open) {
        List<String> sections = new ArrayList<>();
        boolean reasoning = open;
        int start = 0;
        while (true) {
            String tag = reasoning ? tags.close() : tags.open();
            int at = text.indexOf(tag, start);
            if (at < 0) {
                sections.add(text.substring(start));
                return sections;
            }
            sections.add(text.substring(start, at));
            start = at + tag.length();
            reasoning = !reasoning;
        }
    }

    /** The start of the match that ends first, of those the longest, or -1. */
    static int firstStop(String text, List<String> stop) {
        for (int end = 1; end <= text.length(); end++) {
            int start = -1;
            for (String s : stop) {
                if (!s.isEmpty() && text.substring(0, end).endsWith(s)) {
                    start = start < 0 ? end - s.length() : Math.min(start, end - s.length());
                }
            }
            if (start >= 0) {
                return start;
            }
        }
        return -1;
    }
}
