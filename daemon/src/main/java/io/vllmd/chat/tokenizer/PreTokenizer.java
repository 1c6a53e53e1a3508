package io.vllmd.chat.tokenizer;

import io.vllmd.config.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Cuts normalised text into the words inside which merges happen. */
final class PreTokenizer {
    private static final String SUPPORTED =
            "Sequence, ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit";
    private static final String GPT2 =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    /** One thing that is done to every piece. A method, not a type switch, whose first use costs some 10 ms. */
    private interface Step {
        void apply(Run run, int index, String text, int start, int end);
    }

    private record PrefixSpace() implements Step {
        @Override
        public void apply(Run run, int index, String text, int start, int end) {
            String piece = text.substring(start, end);
            String spaced = piece.startsWith(" ") ? piece : " ".concat(piece);
            run.cut(index + 1, spaced, 0, spaced.length());
        }
    }

    private record MapBytes() implements Step {
        @Override
        public void apply(Run run, int index, String text, int start, int end) {
            String bytes = ByteAlphabet.map(text.substring(start, end));
            run.cut(index + 1, bytes, 0, bytes.length());
        }
    }

    private record Split(Pattern pattern, SplitBehavior behavior, boolean invert) implements Step {
        @Override
        public void apply(Run run, int index, String text, int start, int end) {
            if (behavior == SplitBehavior.ISOLATED) {
                run.isolate(index, this, text, start, end);
            } else {
                run.join(index, this, text, start, end);
            }
        }
    }

    /** Takes words, in order; none is empty. */
    interface Words {
        void word(String text, int start, int end);
    }

    private final List<Step> steps = new ArrayList<>();
    private final boolean mapped;

    private PreTokenizer(@Nullable Component component, String file) {
        if (component != null) {
            add(component);
        }
        if (!mapsBytes()) {
            throw Problem.of(
                            Problem.Kind.UNSUPPORTED,
                            file + ": a BPE model without a ByteLevel pre-tokenizer is not supported; supported:"
                                    + " byte-level BPE.",
                            file,
                            "byte-level BPE")
                    .asException();
        }
        // Where nothing looks at the mapped characters, words stay text and become bytes without the detour.
        mapped = !(steps.getLast() instanceof MapBytes);
        if (!mapped) {
            steps.removeLast();
        }
    }

    static PreTokenizer of(@Nullable Component component, String file) {
        return new PreTokenizer(component, file);
    }

    /** Whether words come as characters of the {@link ByteAlphabet} instead of text. */
    boolean isMapped() {
        return mapped;
    }

    private boolean mapsBytes() {
        return steps.contains(new MapBytes());
    }

    private void add(Component component) {
        switch (component.type()) {
            case "Sequence" -> {
                for (Component step : component.components("pretokenizers")) {
                    add(step);
                }
            }
            case "ByteLevel" -> {
                if (mapsBytes()) {
                    throw component.unsupported("a second ByteLevel", "one ByteLevel");
                }
                if (component.flag("add_prefix_space", true)) {
                    steps.add(new PrefixSpace());
                }
                if (component.flag("use_regex", true)) {
                    steps.add(split(GPT2, SplitBehavior.ISOLATED, false, component));
                }
                steps.add(new MapBytes());
            }
            case "Split" -> {
                Component pattern = component.component("pattern");
                String regex = pattern.fields().containsKey("String")
                        ? Pattern.quote(pattern.string("String"))
                        : pattern.string("Regex");
                steps.add(split(regex, SplitBehavior.of(component), component.flag("invert", false), component));
            }
            case "Digits" ->
                steps.add(split(
                        "\\p{N}",
                        component.flag("individual_digits", false) ? SplitBehavior.ISOLATED : SplitBehavior.CONTIGUOUS,
                        false,
                        component));
            case "Punctuation" -> {
                SplitBehavior behavior = component.fields().containsKey("behavior")
                        ? SplitBehavior.of(component)
                        : SplitBehavior.ISOLATED;
                steps.add(split("[\\p{P}$+<=>^`|~]", behavior, false, component));
            }
            case "Whitespace" -> steps.add(split("\\w+|[^\\w\\s]+", SplitBehavior.REMOVED, true, component));
            case "WhitespaceSplit" -> steps.add(split("\\s", SplitBehavior.REMOVED, false, component));
            default -> throw component.unsupported("the pre-tokenizer " + component.type(), SUPPORTED);
        }
    }

    private static Split split(String regex, SplitBehavior behavior, boolean invert, Component component) {
        return new Split(OnigurumaRegex.compile(regex, component), behavior, invert);
    }

    /** The state of one encoding: a matcher for each split. Belongs to one thread. */
    Run run(Words words) {
        return new Run(words);
    }

    final class Run {
        private final Words words;
        private final @Nullable Matcher[] matchers = new @Nullable Matcher[steps.size()];
        private final String[] texts = new String[steps.size()];

        private Run(Words words) {
            this.words = words;
        }

        /** Cuts the text from start to end, blind to what lies around it. */
        void cut(String text, int start, int end) {
            cut(0, text, start, end);
        }

        private void cut(int index, String text, int start, int end) {
            if (start == end) {
                return;
            }
            if (index == steps.size()) {
                words.word(text, start, end);
                return;
            }
            steps.get(index).apply(this, index, text, start, end);
        }

        /** A region with opaque, anchoring bounds, the default, is a text of its own to lookarounds and anchors. */
        @SuppressWarnings("ReferenceEquality") // a matcher is good for the very text it was made for
        private Matcher matcher(int index, Split split, String text, int start, int end) {
            Matcher matcher = matchers[index];
            if (matcher == null) {
                matcher = split.pattern.matcher(text);
                matchers[index] = matcher;
            } else if (texts[index] != text) {
                matcher.reset(text);
            }
            texts[index] = text;
            return matcher.region(start, end);
        }

        private void isolate(int index, Split split, String text, int start, int end) {
            Matcher matcher = matcher(index, split, text, start, end);
            int at = start;
            while (matcher.find()) {
                if (isEmptyInsidePair(matcher, text)) {
                    continue;
                }
                cut(index + 1, text, at, matcher.start());
                cut(index + 1, text, matcher.start(), matcher.end());
                at = matcher.end();
            }
            cut(index + 1, text, at, end);
        }

        private void join(int index, Split split, String text, int start, int end) {
            IntList spans = new IntList();
            List<Boolean> matching = new ArrayList<>();
            Matcher matcher = matcher(index, split, text, start, end);
            int at = start;
            while (matcher.find()) {
                boolean emptyAfterMatch = matcher.start() == matcher.end() && matcher.end() == at && at > start;
                if (emptyAfterMatch || isEmptyInsidePair(matcher, text)) {
                    continue; // Oniguruma's iteration finds no empty match at the end of the one before.
                }
                if (matcher.start() > at) {
                    add(at, matcher.start(), split.invert, spans, matching);
                }
                add(matcher.start(), matcher.end(), !split.invert, spans, matching);
                at = matcher.end();
            }
            if (at < end) {
                add(at, end, split.invert, spans, matching);
            }
            boolean[] flags = new boolean[matching.size()];
            for (int i = 0; i < flags.length; i++) {
                flags[i] = matching.get(i);
            }
            int[] pieces = split.behavior.join(spans.toArray(), flags);
            for (int i = 0; i < pieces.length; i += 2) {
                cut(index + 1, text, pieces[i], pieces[i + 1]);
            }
        }

        /** Java looks for the next match one char after an empty one, in the middle of a surrogate pair too. */
        private static boolean isEmptyInsidePair(Matcher matcher, String text) {
            int at = matcher.start();
            return at == matcher.end()
                    && at > 0
                    && at < text.length()
                    && Character.isSurrogatePair(text.charAt(at - 1), text.charAt(at));
        }

        private static void add(int from, int to, boolean match, IntList spans, List<Boolean> matching) {
            spans.add(from);
            spans.add(to);
            matching.add(match);
        }
    }
}
