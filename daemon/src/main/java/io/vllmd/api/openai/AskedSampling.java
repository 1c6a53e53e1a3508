package io.vllmd.api.openai;

import io.vllmd.config.EngineSettings.FrequencyPenalty;
import io.vllmd.engine.Sampling;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** What a request says of sampling; null where it says nothing. */
record AskedSampling(
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Long topK,
        @Nullable Double minP,
        @Nullable Long seed,
        AskedPenalties penalties,
        Map<Integer, Float> logitBias) {

    private static final int MAX_TOP_K = 1_000_000;
    private static final int MAX_BIASES = 1024;

    /** Reads the fields, each within its range; a top_k of -1 is another way to say all. */
    static AskedSampling read(Fields fields) {
        return new AskedSampling(
                fields.number("temperature", 0, 2),
                fields.number("top_p", Double.MIN_VALUE, 1, "greater than 0 and at most 1"),
                fields.integer("top_k", -1, MAX_TOP_K),
                fields.number("min_p", 0, 1),
                fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE),
                AskedPenalties.read(fields),
                logitBias(fields));
    }

    private static Map<Integer, Float> logitBias(Fields fields) {
        Fields given = fields.object("logit_bias");
        if (given == null) {
            return Map.of();
        }
        if (given.object().size() > MAX_BIASES) {
            throw fields.invalid(
                    "logit_bias",
                    "logit_bias may hold %d tokens; it holds %d."
                            .formatted(MAX_BIASES, given.object().size()),
                    MAX_BIASES + " tokens");
        }
        var biases = new LinkedHashMap<Integer, Float>();
        for (String token : given.object().propertyNames()) {
            Double bias = given.number(token, -100, 100);
            if (bias != null) {
                biases.put(tokenId(fields, token), bias.floatValue());
            }
        }
        return Map.copyOf(biases);
    }

    private static Integer tokenId(Fields fields, String key) {
        try {
            return Integer.valueOf(key);
        } catch (NumberFormatException e) {
            throw fields.invalid(
                    "logit_bias",
                    "logit_bias takes ids of tokens as its keys, such as \"1734\"; it has \"%s\"."
                            .formatted(Fields.shown(key)),
                    "ids of tokens");
        }
    }

    /**
     * The sampling of this request to a model with these defaults; a seed that nobody named is a new one.
     *
     * @param deterministic whether the same request must give the same answer: without a seed that is the likeliest
     *     tokens, whatever temperature is asked for
     */
    Sampling over(Sampling defaults, FrequencyPenalty meaning, boolean deterministic) {
        boolean greedy = deterministic && seed == null;
        // As a float the smallest of doubles is 0, which would leave no token to choose.
        float share = topP == null ? defaults.topP() : Math.max(topP.floatValue(), Float.MIN_NORMAL);
        float heat = temperature == null ? defaults.temperature() : temperature.floatValue();
        return new Sampling(
                greedy ? 0 : heat,
                share,
                topK == null ? defaults.topK() : (int) Math.max(0, topK),
                minP == null ? defaults.minP() : minP.floatValue(),
                seed != null ? seed : greedy ? 0 : ThreadLocalRandom.current().nextLong(),
                penalties.over(defaults.penalties(), meaning),
                logitBias);
    }
}
