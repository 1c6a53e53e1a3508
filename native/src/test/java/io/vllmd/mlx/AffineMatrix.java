package io.vllmd.mlx;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A random affine-quantised matrix, packed here by the format's definition, not by MLX. */
final class AffineMatrix {

    final int n;
    final int k;
    final Array packed;
    private final int group;
    private final int bits;
    private final int[] quants;
    private final float[] scales;
    private final float[] biases;
    private final Array scaleArray;
    private final Array biasArray;

    AffineMatrix(Random random, int n, int k, int group, int bits, Dtype dtype) {
        this.n = n;
        this.k = k;
        this.group = group;
        this.bits = bits;
        quants = random.ints((long) n * k, 0, 1 << bits).toArray();
        int[] words = new int[n * k * bits / 32];
        for (int i = 0; i < quants.length; i++) {
            words[i * bits / 32] |= quants[i] << (i * bits % 32);
        }
        scales = Numbers.rounded(Numbers.random(random, n * k / group), dtype);
        biases = Numbers.rounded(Numbers.random(random, n * k / group), dtype);
        packed = Array.copyOf(MemorySegment.ofArray(words), Dtype.UINT32, n, k * bits / 32);
        scaleArray = Numbers.array(scales, dtype, n, k / group);
        biasArray = Numbers.array(biases, dtype, n, k / group);
    }

    Weight.Affine weight(@Nullable Array layerBias) {
        return new Weight.Affine(packed, scaleArray, biasArray, group, bits, layerBias);
    }

    double element(int row, int column) {
        int i = row * k + column;
        return (double) scales[i / group] * quants[i] + biases[i / group];
    }

    /** Size of the two terms of an element, which a kernel may sum apart. */
    double magnitude(int row, int column) {
        int i = row * k + column;
        return Math.abs((double) scales[i / group] * quants[i]) + Math.abs(biases[i / group]);
    }
}
