package io.vllmd.mlx;

import org.jspecify.annotations.Nullable;

public record Chosen(
        Array tokens, @Nullable Array logprobs, @Nullable Array topIds) {}
