package io.vllmd.runtime;

import io.vllmd.config.RepetitionPolicy;
import io.vllmd.engine.Priority;
import io.vllmd.engine.Sampling;
import java.util.List;
import java.util.Set;

/**
 * What a client asked of one answer, in no API's words.
 *
 * @param requestId names it in logs
 * @param sampling how tokens are chosen
 * @param logprobs −1: none are wanted; else those of each token of the text and of so many of the likeliest
 */
public record AnswerOptions(String requestId, Sampling sampling, Ending ending, int logprobs, Manner manner) {
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    /**
     * What ends it.
     *
     * @param maxTokens most tokens to make; clamped to the room that the prompt leaves
     * @param minTokens tokens to make before a stop token may come
     * @param strings that end the answer and are not part of it
     * @param tokens that end it, beside the model's own
     * @param ignoreEos whether the model's own stop tokens do not end it
     */
    public record Ending(int maxTokens, int minTokens, List<String> strings, Set<Integer> tokens, boolean ignoreEos) {
        public Ending {
            strings = List.copyOf(strings);
            tokens = Set.copyOf(tokens);
        }
    }

    /**
     * How the engine works on it.
     *
     * @param guard how eagerly repetition ends it
     * @param deterministic whether it must not depend on what runs beside it
     * @param speculative whether tokens may be guessed and verified; changes no answer
     * @param cacheScope requests share what was computed for a prompt within one scope only
     */
    public record Manner(
            Priority priority, RepetitionPolicy guard, boolean deterministic, boolean speculative, String cacheScope) {}

    /**
     * The options of one of several answers to the same request, each with random numbers of its own; those of the
     * first are these.
     */
    public AnswerOptions choice(int index) {
        return index == 0
                ? this
                : new AnswerOptions(
                        requestId + "." + index,
                        new Sampling(
                                sampling.temperature(),
                                sampling.topP(),
                                sampling.topK(),
                                sampling.minP(),
                                Long.rotateLeft(sampling.seed(), 32) ^ index * GAMMA,
                                sampling.penalties(),
                                sampling.logitBias()),
                        ending,
                        logprobs,
                        manner);
    }
}
