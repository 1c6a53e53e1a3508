package io.vllmd.chat.output;

import java.util.List;

/** A piece of an answer, in order. Concatenated per kind, pieces give the whole answer byte for byte. */
public sealed interface OutputEvent {

    /**
     * Text of the answer; never empty, never a broken character.
     *
     * @param tokens those of whose text this is the first to be given out; none where the request asked for no log
     *     probabilities. A token whose text is left out whole, as within a stop string, is in no piece.
     */
    record Text(String text, List<ScoredToken> tokens) implements OutputEvent {
        public Text(String text) {
            this(text, List.of());
        }
    }

    /** Text that the model thought before or between; never empty. */
    record Reasoning(String text) implements OutputEvent {}
}
