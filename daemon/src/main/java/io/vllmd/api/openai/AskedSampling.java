package io.vllmd.api.openai;

import io.vllmd.engine.Sampling;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** What a request says of sampling; null where it says nothing. */
record AskedSampling(
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Long topK,
        @Nullable Double minP,
        @Nullable Long seed) {

    private static final int MAX_TOP_K = 1_000_000;

    /** Reads the fields, each within its range; a top_k of -1 is another way to say all. */
    static AskedSampling read(Fields fields) {
        return new AskedSampling(
                fields.number("temperature", 0, 2),
                fields.number("top_p", Double.MIN_VALUE, 1, "greater than 0 and at most 1"),
                fields.integer("top_k", -1, MAX_TOP_K),
                fields.number("min_p", 0, 1),
                fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE));
    }

    /** The sampling of this request to a model with these defaults; a seed that nobody named is a new one. */
    Sampling over(Sampling defaults) {
        // As a float the smallest of doubles is 0, which would leave no token to choose.
        float share = topP == null ? defaults.topP() : Math.max(topP.floatValue(), Float.MIN_NORMAL);
        return new Sampling(
                temperature == null ? defaults.temperature() : temperature.floatValue(),
                share,
                topK == null ? defaults.topK() : (int) Math.max(0, topK),
                minP == null ? defaults.minP() : minP.floatValue(),
                seed == null ? ThreadLocalRandom.current().nextLong() : seed);
    }
}
