package io.vllmd.mlx;

import org.jspecify.annotations.Nullable;

/** The weight of a linear layer [N, K] (N outputs, K inputs) or of an embedding table [V, K]. */
public sealed interface Weight {

    /** Added to a linear layer's output, [N]; null for none. */
    @Nullable
    Array bias();

    /** Bytes of all its arrays. */
    long nbytes();

    /** Frees its arrays. */
    void close();

    /**
     * Unquantised.
     *
     * @param w [N, K], float32, bfloat16 or float16
     * @param bias [N] or null
     */
    record Dense(Array w, @Nullable Array bias) implements Weight {
        @Override
        public long nbytes() {
            return w.nbytes() + (bias == null ? 0 : bias.nbytes());
        }

        @Override
        public void close() {
            w.close();
            if (bias != null) {
                bias.close();
            }
        }
    }

    /**
     * Affine-quantised: element = scale · q + bias of its group, along K.
     *
     * @param packed uint32 [N, K·bits/32], lowest bits first
     * @param scales [N, K/group]
     * @param biases [N, K/group], of the groups
     * @param group 32, 64 or 128
     * @param bits 4 or 8
     * @param bias [N] or null, of the layer
     * @param panels whether the three arrays lie in the CPU's own order, see {@link Panels}: only linear layers and
     *     embeddings can read them then
     */
    record Affine(
            Array packed,
            Array scales,
            Array biases,
            int group,
            int bits,
            @Nullable Array bias,
            boolean panels) implements Weight {

        /** In MLX's order. */
        public Affine(Array packed, Array scales, Array biases, int group, int bits, @Nullable Array bias) {
            this(packed, scales, biases, group, bits, bias, false);
        }

        /** As the library's entry points take them: bits, and whether the weight lies in panels. */
        int layout() {
            return panels ? bits | Panels.FLAG : bits;
        }

        @Override
        public long nbytes() {
            return packed.nbytes() + scales.nbytes() + biases.nbytes() + (bias == null ? 0 : bias.nbytes());
        }

        @Override
        public void close() {
            packed.close();
            scales.close();
            biases.close();
            if (bias != null) {
                bias.close();
            }
        }
    }
}
