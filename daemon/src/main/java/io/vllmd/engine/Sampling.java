package io.vllmd.engine;

/**
 * How the next token is chosen, one row of parameters per request.
 *
 * @param temperature 0 takes the likeliest token
 * @param topP smallest set of tokens whose probability reaches this, 1 = all
 * @param topK this many likeliest tokens, 0 = all
 * @param minP tokens with at least this share of the likeliest one's probability, 0 = all
 * @param seed the request's random numbers are a function of this and the position alone
 */
public record Sampling(float temperature, float topP, int topK, float minP, long seed) {
    public static final Sampling GREEDY = new Sampling(0, 1, 0, 0, 0);
}
