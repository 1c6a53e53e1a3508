package io.vllmd.engine;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the engine is asked to do: continue token ids.
 *
 * @param id names the request in logs
 * @param prompt token ids, at least one
 * @param media what placeholders in the prompt stand for, ascending
 * @param sampling how tokens are chosen
 * @param maxTokens most tokens to make; the answer ends earlier where the context is full
 * @param minTokens tokens to make before a stop token may come
 * @param stopTokens ids that end the answer; they are not handed out
 * @param logprobs −1: none are wanted; else the chosen token's and those of so many of the likeliest
 * @param priority who goes first
 * @param guide what may come next, or null for anything
 * @param cacheScope prompts share what was computed for others of the same scope only, "" where nobody is kept apart
 * @param deterministic whether the answer must not depend on what runs beside it, at a price
 * @param speculative whether tokens may be guessed and verified where that is faster; it changes no answer
 */
public record GenerationRequest(
        String id,
        int[] prompt,
        List<MediaSpan> media,
        Sampling sampling,
        int maxTokens,
        int minTokens,
        Set<Integer> stopTokens,
        int logprobs,
        Priority priority,
        @Nullable TokenGuide guide,
        String cacheScope,
        boolean deterministic,
        boolean speculative) {

    /** A plain request. */
    public GenerationRequest(String id, int[] prompt, Sampling sampling, int maxTokens, Set<Integer> stopTokens) {
        this(
                id,
                prompt,
                List.of(),
                sampling,
                maxTokens,
                0,
                stopTokens,
                -1,
                Priority.INTERACTIVE,
                null,
                "",
                false,
                true);
    }

    /** Starts from a plain request without stop tokens that samples greedily. */
    public static Builder builder(String id, int[] prompt, int maxTokens) {
        return new Builder(id, prompt, maxTokens);
    }

    /** Collects what differs from a plain request. */
    public static final class Builder {
        private final String id;
        private final int[] prompt;
        private final int maxTokens;
        private List<MediaSpan> media = List.of();
        private Sampling sampling = Sampling.GREEDY;
        private int minTokens;
        private Set<Integer> stopTokens = Set.of();
        private int logprobs = -1;
        private Priority priority = Priority.INTERACTIVE;
        private @Nullable TokenGuide guide;
        private String cacheScope = "";
        private boolean deterministic;
        private boolean speculative = true;

        private Builder(String id, int[] prompt, int maxTokens) {
            this.id = id;
            this.prompt = prompt;
            this.maxTokens = maxTokens;
        }

        public Builder media(List<MediaSpan> spans) {
            this.media = List.copyOf(spans);
            return this;
        }

        public Builder sampling(Sampling how) {
            this.sampling = how;
            return this;
        }

        public Builder minTokens(int tokens) {
            this.minTokens = tokens;
            return this;
        }

        public Builder stopTokens(Set<Integer> ids) {
            this.stopTokens = Set.copyOf(ids);
            return this;
        }

        public Builder logprobs(int top) {
            this.logprobs = top;
            return this;
        }

        public Builder priority(Priority whose) {
            this.priority = whose;
            return this;
        }

        public Builder guide(@Nullable TokenGuide by) {
            this.guide = by;
            return this;
        }

        public Builder cacheScope(String scope) {
            this.cacheScope = scope;
            return this;
        }

        public Builder deterministic(boolean must) {
            this.deterministic = must;
            return this;
        }

        public Builder speculative(boolean may) {
            this.speculative = may;
            return this;
        }

        public GenerationRequest build() {
            return new GenerationRequest(
                    id,
                    prompt,
                    media,
                    sampling,
                    maxTokens,
                    minTokens,
                    stopTokens,
                    logprobs,
                    priority,
                    guide,
                    cacheScope,
                    deterministic,
                    speculative);
        }
    }
}
