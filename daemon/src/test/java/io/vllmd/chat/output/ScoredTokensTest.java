package io.vllmd.chat.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vllmd.chat.tokenizer.Detokenizer;
import io.vllmd.chat.tokenizer.TestTokenizer;
import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.engine.TokenLogprobs;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Which tokens come with which piece of the text, where log probabilities are asked for. */
class ScoredTokensTest {
    private static final int OPEN = 256;
    private static final int CLOSE = 257;
    private static final int SPECIAL = 258;
    private static final int LONG = 259;
    private static final int NEWLINES = 260;
    private static final Tokenizer TOKENIZER = TestTokenizer.bytes()
            .added("<t>")
            .added("</t>")
            .added("<end>", "special")
            .added("ab#")
            .added("\n\nx")
            .load();
    private static final ReasoningFormat NONE = new ReasoningFormat.None();
    private static final ReasoningFormat IDS = new ReasoningFormat.TagIds(OPEN, CLOSE);
    private static final ReasoningFormat TEXTS = new ReasoningFormat.TagTexts("<t>", "</t>");

    /** Pieces with the places of their tokens in the answer. */
    private static List<String> pieces(ReasoningFormat format, List<String> stop, int... ids) {
        List<String> pieces = new ArrayList<>();
        for (OutputEvent event : events(format, stop, false, ids)) {
            switch (event) {
                case OutputEvent.Text text -> pieces.add(text.text() + places(text));
                case OutputEvent.Reasoning thought -> pieces.add("(" + thought.text() + ")");
            }
        }
        return pieces;
    }

    private static List<OutputEvent> events(ReasoningFormat format, List<String> stop, boolean open, int... ids) {
        OutputPipeline pipeline = new OutputPipeline(TOKENIZER, stop, format, open, true);
        List<OutputEvent> events = new ArrayList<>();
        for (int place = 0; place < ids.length; place++) {
            pipeline.push(ids[place], new TokenLogprobs(place, new int[0], new float[0]), events::add);
        }
        pipeline.finish(events::add);
        return events;
    }

    private static List<Integer> places(OutputEvent.Text text) {
        return text.tokens().stream().map(ScoredTokensTest::place).toList();
    }

    private static Integer place(ScoredToken token) {
        TokenLogprobs logprobs = token.logprobs();
        return logprobs == null ? -1 : (int) logprobs.logprob();
    }

    @Test
    void eachTokenComesWithItsText() {
        assertEquals(List.of("a[0]", "ab#[1]", "b[2]"), pieces(NONE, List.of(), 'a', LONG, 'b'));
    }

    @Test
    void tokensOfOneCharacterComeTogetherWithIt() {
        assertEquals(List.of("a[0]", "😀[1, 2, 3, 4]"), pieces(NONE, List.of(), 'a', 0xf0, 0x9f, 0x98, 0x80));
        assertEquals(List.of("\ufffda[0, 1]"), pieces(NONE, List.of(), 0xf0, 'a'));
        assertEquals(List.of("\ufffd[0]"), pieces(NONE, List.of(), 0xf0));
    }

    @Test
    void whatIsHeldBackComesWithItsTokensOnceItIsCertain() {
        assertEquals(List.of("##a[0, 1, 2]"), pieces(NONE, List.of("###"), '#', '#', 'a'));
        assertEquals(List.of("##[0, 1]"), pieces(NONE, List.of("###"), '#', '#'));
        assertEquals(List.of("ab[0]", "#a[1]"), pieces(NONE, List.of("##"), LONG, 'a'));
    }

    @Test
    void aStopStringsTokensAreLeftOutAndOneThatItCutsIsNot() {
        assertEquals(List.of("a[0]"), pieces(NONE, List.of("##"), 'a', '#', '#', 'b'));
        assertEquals(List.of("ab[0]"), pieces(NONE, List.of("##"), LONG, '#', 'b'));
    }

    @Test
    void reasoningAndWhatDividesItFromTheAnswerAreNotListed() {
        assertEquals(List.of("a[0]", "(b)", "c[5]"), pieces(IDS, List.of(), 'a', OPEN, 'b', CLOSE, '\n', 'c'));
        assertEquals(List.of("(b)", "x[3]"), pieces(IDS, List.of(), OPEN, 'b', CLOSE, NEWLINES));
        assertEquals(
                List.of("a[0]", "(b)", "c[9]"),
                pieces(TEXTS, List.of(), 'a', '<', 't', '>', 'b', '<', '/', 't', '>', 'c'));
    }

    @Test
    void specialTokensHaveNoTextAndAreNotListed() {
        assertEquals(List.of("a[0]", "b[2]"), pieces(NONE, List.of(), 'a', SPECIAL, 'b'));
    }

    @Test
    void aForcedTokenIsListedWithoutItsProbability() {
        OutputPipeline pipeline = new OutputPipeline(TOKENIZER, List.of(), NONE, false, true);
        List<OutputEvent> events = new ArrayList<>();
        pipeline.push('a', null, events::add);
        assertEquals(List.of(new OutputEvent.Text("a", List.of(new ScoredToken('a', null)))), events);
    }

    @Test
    void exactlyTheTokensWithTextInTheAnswerAreListedInOrder() {
        Random random = new Random(29);
        int[] likely = {'a', 'b', '#', '\n', LONG, NEWLINES, OPEN, CLOSE, SPECIAL, 0xc3, 0xa9, 0xf0, 0x9f, 0xff};
        List<List<String>> stops = List.of(List.of(), List.of("##"), List.of("b#a", "\n\n"), List.of("é", "#"));
        for (int round = 0; round < 30_000; round++) {
            int[] ids = random.ints(1 + random.nextInt(24), 0, likely.length)
                    .map(i -> likely[i])
                    .toArray();
            List<String> stop = stops.get(random.nextInt(stops.size()));
            ReasoningFormat format = random.nextBoolean() ? NONE : IDS;
            boolean open = random.nextBoolean();
            List<Integer> listed = new ArrayList<>();
            for (OutputEvent event : events(format, stop, open, ids)) {
                if (event instanceof OutputEvent.Text text) {
                    listed.addAll(places(text));
                }
            }
            String situation = TOKENIZER.decode(ids, true) + " stop " + stop + " " + format + " open " + open;
            assertEquals(expected(ids, stop, format, open && format.equals(IDS)), listed, situation);
        }
    }

    /** The plain reading: who made each character, section by section; then what of the text is visible. */
    private static List<Integer> expected(int[] ids, List<String> stop, ReasoningFormat format, boolean open) {
        TreeSet<Integer> listed = new TreeSet<>();
        boolean reasoning = open;
        boolean first = true;
        int start = 0;
        for (int i = 0; i <= ids.length; i++) {
            if (i < ids.length && (format.equals(NONE) || ids[i] != (reasoning ? CLOSE : OPEN))) {
                continue;
            }
            if (!reasoning && listVisible(ids, start, i, stop, !first, listed)) {
                break;
            }
            reasoning = !reasoning;
            first = false;
            start = i + 1;
        }
        return List.copyOf(listed);
    }

    /** Lists the tokens of one section; gives whether a stop string ended it. */
    private static boolean listVisible(
            int[] ids, int from, int to, List<String> stop, boolean trim, Set<Integer> listed) {
        Detokenizer detokenizer = TOKENIZER.detokenizer();
        StringBuilder text = new StringBuilder();
        List<List<Integer>> makers = new ArrayList<>();
        List<Integer> open = new ArrayList<>();
        for (int i = from; i <= to; i++) {
            if (i < to && ids[i] != SPECIAL) {
                open.add(i);
            }
            String piece = i < to ? detokenizer.push(ids[i]) : detokenizer.finish();
            text.append(piece);
            for (int c = 0; c < piece.length(); c++) {
                makers.add(open);
            }
            if (!piece.isEmpty()) {
                open = new ArrayList<>();
            }
        }
        int begin = 0;
        while (trim && begin < text.length() && text.charAt(begin) == '\n') {
            begin++;
        }
        String visible = text.substring(begin);
        int end = OutputPipelinePropertyTest.firstStop(visible, stop);
        for (int c = 0; c < (end < 0 ? visible.length() : end); c++) {
            listed.addAll(makers.get(begin + c));
        }
        return end >= 0;
    }
}
