package io.vllmd.model;

import io.vllmd.mlx.Array;
import org.jspecify.annotations.Nullable;

/**
 * One attention layer's geometry and position encoding, as {@link KvStep#attend} needs it.
 *
 * @param heads query heads
 * @param kvHeads key/value heads; query head h reads kv head h / (heads / kvHeads)
 * @param headDim size of a head
 * @param scale factor on q·k before the softmax
 * @param qNorm RMS-norm weight [headDim] on each query head, or null
 * @param kNorm RMS-norm weight [headDim] on each key head, or null
 * @param eps epsilon of these norms
 * @param rope rotary position encoding
 */
public record AttentionShape(
        int heads,
        int kvHeads,
        int headDim,
        float scale,
        @Nullable Array qNorm,
        @Nullable Array kNorm,
        float eps,
        Rope rope) {

    /**
     * Rotary position encoding, halves paired: angle = position · scale · base^(-2i/dims), or
     * position / freqs[i] where freqs [dims/2] is given.
     */
    public record Rope(
            int dims, float base, float scale, @Nullable Array freqs) {}
}
