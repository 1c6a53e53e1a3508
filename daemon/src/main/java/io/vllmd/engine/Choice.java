package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Chosen;
import io.vllmd.mlx.Scope;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tokens in the making: compared by identity, and owner of its arrays. */
final class Choice implements AutoCloseable {
    private final Array tokens;
    private final @Nullable Array logprobs;
    private final @Nullable Array topIds;
    private final List<Sample> samples;

    /**
     * One row, or as many more as tokens were guessed.
     *
     * @param row its first row
     * @param drafts guesses of the tokens after the first row's, each verified by the row before it
     */
    record Sample(Sequence sequence, int row, int[] drafts) {}

    /**
     * Takes the arrays out of the scope.
     *
     * @param samples whose tokens they are; empty where a step only reads prompts and a row's token is but a way to wait
     */
    Choice(Scope scope, Chosen chosen, List<Sample> samples) {
        this.tokens = scope.keep(chosen.tokens());
        this.logprobs = chosen.logprobs() == null ? null : scope.keep(chosen.logprobs());
        this.topIds = chosen.topIds() == null ? null : scope.keep(chosen.topIds());
        this.samples = samples;
    }

    /** int32, one a row. */
    Array tokens() {
        return tokens;
    }

    List<Sample> samples() {
        return samples;
    }

    /** Whether it verifies guesses, so that how far its sequences get is open until it is read. */
    boolean guesses() {
        for (Sample each : samples) {
            if (each.drafts.length > 0) {
                return true;
            }
        }
        return false;
    }

    /** What {@link #read} gives. */
    record Tokens(int[] ids, float[] logprobs, int[] topIds) {

        /** Log probabilities of a row whose request asked for {@code top} of the likeliest, −1 = none. */
        @Nullable
        TokenLogprobs logprobs(int row, int top) {
            if (top < 0) {
                return null;
            }
            int width = logprobs.length / ids.length;
            int k = width - 1;
            return new TokenLogprobs(
                    logprobs[row * width],
                    Arrays.copyOfRange(topIds, row * k, row * k + top),
                    Arrays.copyOfRange(logprobs, row * width + 1, row * width + 1 + top));
        }
    }

    int rows() {
        int rows = 0;
        for (Sample each : samples) {
            rows += 1 + each.drafts().length;
        }
        return Math.max(1, rows);
    }

    /** Waits for the tokens. */
    Tokens read() {
        return new Tokens(
                tokens.toInts(),
                logprobs == null ? new float[0] : logprobs.toFloats(),
                topIds == null ? new int[0] : topIds.toInts());
    }

    @Override
    public void close() {
        tokens.close();
        if (logprobs != null) {
            logprobs.close();
        }
        if (topIds != null) {
            topIds.close();
        }
    }
}
