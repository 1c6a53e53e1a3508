package io.vllmd.mlx;

/**
 * x / sqrt(mean(x²) + eps) · weight.
 *
 * @param weight [K]
 */
public record RmsNorm(Array weight, float eps) {}
