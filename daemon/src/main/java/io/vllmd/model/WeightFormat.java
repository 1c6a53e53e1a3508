package io.vllmd.model;

import io.vllmd.mlx.Dtype;
import java.util.Locale;

/** How a linear layer's or an embedding table's weight is stored. */
sealed interface WeightFormat {

    /** In words, such as "8-bit, groups of 64" or "bfloat16". */
    String words();

    /** One number per weight. */
    record Dense(Dtype dtype) implements WeightFormat {
        @Override
        public String words() {
            return dtype.name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Unsigned integers of {@code bits} bits, packed into uint32; weight = scale · integer + bias, scale and bias
     * of type {@code scaleDtype} per group of {@code group} columns.
     */
    record Affine(int group, int bits, Dtype scaleDtype) implements WeightFormat {
        @Override
        public String words() {
            return bits + "-bit, groups of " + group;
        }
    }
}
