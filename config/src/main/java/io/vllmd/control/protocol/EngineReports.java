package io.vllmd.control.protocol;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the daemon answers about its engine. */
public final class EngineReports {
    private EngineReports() {}

    /**
     * Answer to {@link Methods#LIMITS}.
     *
     * @param limits setting without {@code engine.} to value as it would stand in a file of settings
     * @param changed those that this call changed
     */
    public record Limits(Map<String, String> limits, List<String> changed) {
        public Map<String, Object> tree() {
            return new Tree().put("limits", limits).put("changed", changed).map();
        }

        public static Limits from(Map<String, Object> tree) {
            var f = new Fields(tree);
            var limits = new LinkedHashMap<String, String>();
            f.object("limits").forEach((key, value) -> limits.put(key, String.valueOf(value)));
            return new Limits(limits, f.texts("changed"));
        }
    }

    /**
     * What the engine did since it began, for one model or all together.
     *
     * @param running requests that have a place in the batch
     * @param queued requests that wait for one
     * @param steps forward passes
     * @param tokens answer tokens made
     * @param promptTokens prompt tokens read
     * @param cachedPromptTokens prompt tokens that needed not be read, since they were cached
     * @param preemptions times that a request lost its memory to a more urgent one, and went on later
     * @param guessed tokens that were guessed ahead
     * @param guessedRight those of them that were right
     * @param kvBytes memory of keys and values, cached prefixes included
     * @param kvIdleBytes memory of cached prefixes that nobody runs on
     * @param kvLimitBytes most memory of keys and values of all models
     * @param hostMillisPerStep mean time of a step that is spent outside evaluation, in milliseconds
     */
    public record Figures(
            int running,
            int queued,
            long steps,
            long tokens,
            long promptTokens,
            long cachedPromptTokens,
            long preemptions,
            long guessed,
            long guessedRight,
            long kvBytes,
            long kvIdleBytes,
            long kvLimitBytes,
            double hostMillisPerStep) {

        public static final Figures NONE = new Figures(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

        /** Share of all prompt tokens that were cached, 0 to 1. */
        public double reused() {
            long all = promptTokens + cachedPromptTokens;
            return all == 0 ? 0 : (double) cachedPromptTokens / all;
        }

        public Map<String, Object> tree() {
            return new Tree()
                    .put("running", running)
                    .put("queued", queued)
                    .put("steps", steps)
                    .put("tokens", tokens)
                    .put("promptTokens", promptTokens)
                    .put("cachedPromptTokens", cachedPromptTokens)
                    .put("preemptions", preemptions)
                    .put("guessed", guessed)
                    .put("guessedRight", guessedRight)
                    .put("kvBytes", kvBytes)
                    .put("kvIdleBytes", kvIdleBytes)
                    .put("kvLimitBytes", kvLimitBytes)
                    .put("hostMillisPerStep", hostMillisPerStep)
                    .map();
        }

        static Figures from(Fields f) {
            return new Figures(
                    (int) f.number("running"),
                    (int) f.number("queued"),
                    f.number("steps"),
                    f.number("tokens"),
                    f.number("promptTokens"),
                    f.number("cachedPromptTokens"),
                    f.number("preemptions"),
                    f.number("guessed"),
                    f.number("guessedRight"),
                    f.number("kvBytes"),
                    f.number("kvIdleBytes"),
                    f.number("kvLimitBytes"),
                    f.fraction("hostMillisPerStep"));
        }
    }
}
