package io.vllmd.engine;

import io.vllmd.mlx.SamplingRows;
import org.jspecify.annotations.Nullable;

/** Writes how a sequence's next token is chosen into the rows of a step. */
final class RowSampling {
    private RowSampling() {}

    /**
     * @param last index of the sequence's newest token among the previous step's, −1 where the host knows it
     * @param mask tokens that its guide allows, or null
     */
    static void add(SamplingRows rows, Sequence sequence, int last, int @Nullable [] mask) {
        add(rows, sequence, last, mask, sequence.nextPosition());
    }

    private static void add(SamplingRows rows, Sequence sequence, int last, int @Nullable [] mask, int position) {
        Sampling sampling = sequence.request.sampling();
        Sampling.Penalties penalties = sampling.penalties();
        rows.add(
                sampling.temperature(),
                sampling.topK(),
                sampling.topP(),
                sampling.minP(),
                // The position that the token will stand at: unlike a step's number it is the request's own.
                sampling.temperature() > 0 ? SeededUniform.at(sampling.seed(), position) : 0,
                penalties.presence(),
                penalties.frequency(),
                penalties.repetition(),
                last,
                sequence.request.logprobs());
        sampling.logitBias().forEach(rows::bias);
        if (mask != null) {
            rows.mask(mask);
        }
    }

    /** Rows that verify guesses: each as if the guesses before it were the answer. */
    static void addDrafts(SamplingRows rows, Sequence sequence, int[] drafts) {
        for (int i = 0; i < drafts.length; i++) {
            add(rows, sequence, -1, null, sequence.nextPosition() + 1 + i);
        }
    }

    /** A row that only makes a step something to wait for. */
    static void addGreedy(SamplingRows rows) {
        rows.add(0, 0, 1, 0, 0, 0, 0, 1, -1, -1);
    }
}
