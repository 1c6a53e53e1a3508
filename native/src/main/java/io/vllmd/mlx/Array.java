package io.vllmd.mlx;

/** An MLX array. */
public final class Array {}
