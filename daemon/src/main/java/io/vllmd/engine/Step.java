package io.vllmd.engine;

import java.util.List;

/**
 * A forward pass in flight.
 *
 * @param runs its rows
 * @param choice the tokens that it makes at once
 * @param promptTokens rows that read known tokens beyond one a sequence
 * @param decodeRows the other rows
 * @param submitted when evaluation was asked for, by {@link System#nanoTime}
 * @param encoding nanoseconds that asking took
 */
record Step(List<Run> runs, Choice choice, int promptTokens, int decodeRows, long submitted, long encoding) {

    private static final int[] NO_DRAFTS = {};

    /**
     * Adjacent rows of one sequence: its next known tokens, or the one that is in the making; then guesses.
     *
     * @param tokens how many known ones, or 1
     * @param drafts guessed tokens to verify
     */
    record Run(Sequence sequence, int tokens, int[] drafts) {

        Run(Sequence sequence, int tokens) {
            this(sequence, tokens, NO_DRAFTS);
        }

        int rows() {
            return tokens + drafts.length;
        }

        /** Whether the logits after the last known token are wanted: they tell the sequence's next token. */
        boolean samples() {
            return sequence.pending != null || tokens == sequence.unread();
        }
    }
}
