package io.vllmd.chat.output;

import io.vllmd.chat.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.Optional;

/** How a model marks where it thinks. */
public sealed interface ReasoningFormat {

    /** It does not: everything is answer. */
    record None() implements ReasoningFormat {}

    /**
     * Marks that are tokens of their own; the same characters made of other tokens are text.
     *
     * @param open token id that starts a block
     * @param close token id that ends it
     */
    record TagIds(int open, int close) implements ReasoningFormat {}

    /**
     * Marks in the text, for vocabularies that lack them.
     *
     * @param open what starts a block, not empty
     * @param close what ends it, not empty
     */
    record TagTexts(String open, String close) implements ReasoningFormat {
        public TagTexts {
            if (open.isEmpty() || close.isEmpty()) {
                throw new IllegalArgumentException("a reasoning tag must not be empty");
            }
        }
    }

    /** The format of a model with this vocabulary: the tokens {@code <think>} and {@code </think>}, else none. */
    static ReasoningFormat of(Tokenizer tokenizer) {
        Optional<Integer> open = tokenizer.id("<think>");
        Optional<Integer> close = tokenizer.id("</think>");
        return open.isPresent() && close.isPresent() ? new TagIds(open.get(), close.get()) : new None();
    }

    /**
     * Whether an answer to this prompt starts inside a block: whether the prompt ends with an opening tag and nothing
     * but white space after it. Earlier tags, which users may have written, do not count.
     */
    default boolean isOpenAfter(int[] prompt, Tokenizer tokenizer) {
        int first = Math.max(0, prompt.length - 64);
        int[] tail = Arrays.copyOfRange(prompt, first, prompt.length);
        return switch (this) {
            case None none -> false;
            case TagTexts tags -> tokenizer.decode(tail, true).stripTrailing().endsWith(tags.open());
            case TagIds tags -> {
                int last = tail.length - 1;
                while (last >= 0
                        && tail[last] != tags.open()
                        && tokenizer.decode(new int[] {tail[last]}, true).isBlank()) {
                    last--;
                }
                yield last >= 0 && tail[last] == tags.open();
            }
        };
    }
}
