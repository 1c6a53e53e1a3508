package io.vllmd.engine;

import java.util.Map;

/**
 * How the next token is chosen, one row of parameters per request.
 *
 * @param temperature 0 takes the likeliest token
 * @param topP smallest set of tokens whose probability reaches this, 1 = all
 * @param topK this many likeliest tokens, 0 = all
 * @param minP tokens with at least this share of the likeliest one's probability, 0 = all
 * @param seed the request's random numbers are a function of this and the position alone
 * @param penalties what tokens lose for having come before
 * @param logitBias added to the logits of these token ids
 */
public record Sampling(
        float temperature,
        float topP,
        int topK,
        float minP,
        long seed,
        Penalties penalties,
        Map<Integer, Float> logitBias) {

    public static final Sampling GREEDY = new Sampling(0, 1, 0, 0, 0);

    public Sampling {
        logitBias = Map.copyOf(logitBias);
    }

    /** Without penalties and bias. */
    public Sampling(float temperature, float topP, int topK, float minP, long seed) {
        this(temperature, topP, topK, minP, seed, Penalties.NONE, Map.of());
    }

    /**
     * What tokens lose for having come before. The repetition penalty comes first: a positive logit is divided by it, a
     * negative one multiplied (Keskar et al. 2019, CTRL); then the other two are subtracted as OpenAI defines them.
     *
     * @param presence subtracted once from every token of the answer so far, −2 … 2
     * @param frequency subtracted for each time that the token stands in the answer so far, −2 … 2
     * @param repetition above 1 discourages tokens of prompt and answer, 1 = none
     * @param window tokens, counted from the newest, that the repetition penalty looks at; 0 = all
     */
    public record Penalties(float presence, float frequency, float repetition, int window) {
        public static final Penalties NONE = new Penalties(0, 0, 1, 0);
    }
}
