package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Seeded test data in the storage formats of weights, and comparison against doubles. */
final class Numbers {

    /** Uniform in [-1, 1). */
    static float[] random(Random random, int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = 2 * random.nextFloat() - 1;
        }
        return values;
    }

    /** The nearest numbers that the format can hold. */
    static float[] rounded(float[] values, Dtype dtype) {
        float[] result = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = switch (dtype) {
                case FLOAT32 -> values[i];
                case FLOAT16 -> Float.float16ToFloat(Float.floatToFloat16(values[i]));
                case BFLOAT16 -> Float.intBitsToFloat(bfloat16(values[i]) << 16);
                default -> throw new IllegalArgumentException(dtype.toString());
            };
        }
        return result;
    }

    /** An array of that format, made without MLX's own conversion. */
    static Array array(float[] values, Dtype dtype, int... shape) {
        if (dtype == Dtype.FLOAT32) {
            return Array.of(values, shape);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(2L * values.length, 2);
            for (int i = 0; i < values.length; i++) {
                memory.setAtIndex(
                        ValueLayout.JAVA_SHORT,
                        i,
                        dtype == Dtype.FLOAT16 ? Float.floatToFloat16(values[i]) : (short) bfloat16(values[i]));
            }
            return Array.copyOf(memory, dtype, shape);
        }
    }

    /** Round to nearest, ties to even, as hardware does. */
    private static int bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
    }

    static void assertClose(double[] expected, float[] actual, double tolerance, String what) {
        double[] tolerances = new double[expected.length];
        java.util.Arrays.fill(tolerances, tolerance);
        assertClose(expected, actual, tolerances, what);
    }

    static void assertClose(double[] expected, float[] actual, double[] tolerance, String what) {
        assertEquals(expected.length, actual.length, what);
        for (int i = 0; i < expected.length; i++) {
            // Written so that a NaN fails.
            if (!(Math.abs(expected[i] - actual[i]) <= tolerance[i])) {
                fail(what + ": element " + i + " is " + actual[i] + ", should be " + expected[i] + " within "
                        + tolerance[i]);
            }
        }
    }

    private Numbers() {}
}
