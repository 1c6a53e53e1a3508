package io.vllmd.engine;

import io.vllmd.mlx.SamplingRows;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * How one sequence's next tokens are chosen: its parameters, its random numbers, its biases, what it may not say yet, and
 * what its penalties must know of the tokens so far. Tells it all to one row of a step, or to several that verify
 * guesses.
 */
final class SamplingPlan {
    private final Sampling sampling;
    private final int logprobs;
    private final int promptLength;
    private final int minTokens;
    private final Biases biases;
    /** While the answer is shorter than minTokens: no stop token may come. */
    private final Biases unfinished;

    private final TokenHistory history;

    /** Ascending by id, so that a row is the same whatever order a map has. */
    private record Biases(int[] ids, float[] values) {
        static Biases of(Map<Integer, Float> biases) {
            int[] ids = new int[biases.size()];
            float[] values = new float[ids.length];
            int i = 0;
            for (Map.Entry<Integer, Float> each : new TreeMap<>(biases).entrySet()) {
                ids[i] = each.getKey();
                values[i++] = each.getValue();
            }
            return new Biases(ids, values);
        }

        void addTo(SamplingRows rows) {
            for (int i = 0; i < ids.length; i++) {
                rows.bias(ids[i], values[i]);
            }
        }
    }

    /** @param vocabulary of the model; stop tokens outside of it cannot come and need no ban */
    SamplingPlan(GenerationRequest request, int vocabulary) {
        sampling = request.sampling();
        logprobs = request.logprobs();
        promptLength = request.prompt().length;
        minTokens = request.minTokens();
        biases = Biases.of(sampling.logitBias());
        unfinished = minTokens > 0 ? withoutStops(request.stopTokens(), vocabulary) : biases;
        history = new TokenHistory(request.prompt(), sampling.penalties());
    }

    private Biases withoutStops(Set<Integer> stopTokens, int vocabulary) {
        Map<Integer, Float> all = new TreeMap<>(sampling.logitBias());
        for (int stop : stopTokens) {
            if (stop >= 0 && stop < vocabulary) {
                all.put(stop, Float.NEGATIVE_INFINITY);
            }
        }
        return Biases.of(all);
    }

    /** The answer goes on with this token. */
    void took(int token) {
        history.add(token);
    }

    /** Takes the newest {@code tokens} of the answer back. */
    void rollback(int tokens) {
        history.rollback(tokens);
    }

    /** Tokens of prompt and answer that this was told of. */
    int known() {
        return history.size();
    }

    /**
     * Adds the row for the next token.
     *
     * @param last where the newest token is among the previous step's, which this was not told of yet; −1 where it knows
     *     all tokens
     * @param mask tokens that may come, see {@link Guidance.Allowed}, or null for all
     */
    void addTo(SamplingRows rows, int last, int @Nullable [] mask) {
        boolean newestUnknown = last >= 0;
        // The position that the token will stand at: unlike a step's number it is the request's own.
        int position = history.size() + (newestUnknown ? 1 : 0);
        Sampling.Penalties penalties = sampling.penalties();
        rows.add(
                sampling.temperature(),
                sampling.topK(),
                sampling.topP(),
                sampling.minP(),
                sampling.temperature() > 0 ? SeededUniform.at(sampling.seed(), position) : 0,
                penalties.presence(),
                penalties.frequency(),
                penalties.repetition(),
                history.counts() ? last : -1,
                logprobs);
        (position - promptLength < minTokens ? unfinished : biases).addTo(rows);
        history.addTo(rows, newestUnknown);
        if (mask != null) {
            rows.mask(mask);
        }
    }

    /**
     * Adds a row for a guess of the token {@code ahead} places behind the next one. Guessed tokens before it count for no
     * penalty: a guess need not be exact.
     */
    void addGuess(SamplingRows rows, int ahead) {
        Sampling.Penalties penalties = sampling.penalties();
        rows.add(
                sampling.temperature(),
                sampling.topK(),
                sampling.topP(),
                sampling.minP(),
                sampling.temperature() > 0 ? SeededUniform.at(sampling.seed(), history.size() + ahead) : 0,
                penalties.presence(),
                penalties.frequency(),
                penalties.repetition(),
                -1,
                -1);
        biases.addTo(rows);
        history.addTo(rows, false);
    }

    /**
     * Adds the rows that verify guesses, each as if the guesses before it were the answer.
     *
     * @param masks of the row after each guess, see {@link #addTo}
     */
    void addDrafts(SamplingRows rows, int[] drafts, IntFunction<int @Nullable []> masks) {
        for (int i = 0; i < drafts.length; i++) {
            history.add(drafts[i]);
            addTo(rows, -1, masks.apply(i));
        }
        history.rollback(drafts.length);
    }
}
