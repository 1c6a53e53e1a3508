package io.vllmd.engine;

/**
 * Log probabilities of one token, as the model has them: before temperature, penalties, bias and masks.
 *
 * @param logprob of the token that was chosen
 * @param topIds the likeliest tokens, likeliest first
 * @param topLogprobs theirs
 */
public record TokenLogprobs(float logprob, int[] topIds, float[] topLogprobs) {}
