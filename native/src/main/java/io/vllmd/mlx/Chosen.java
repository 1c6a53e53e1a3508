package io.vllmd.mlx;

import org.jspecify.annotations.Nullable;

/**
 * What {@link Mlx#choose} gives for n rows.
 *
 * @param tokens int32 [n]
 * @param logprobs float32 [n, 1 + k]: of the chosen token, then of the k likeliest; −∞ where a row wants fewer or has
 *     fewer. Log softmax of the logits as they were given. Null where no row wants them
 * @param topIds int32 [n, k]: the likeliest tokens, likeliest first, −1 where a row wants fewer or has fewer. Null where
 *     k = 0
 */
public record Chosen(
        Array tokens, @Nullable Array logprobs, @Nullable Array topIds) {}
