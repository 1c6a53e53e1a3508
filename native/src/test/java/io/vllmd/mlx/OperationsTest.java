package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.function.BinaryOperator;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Each of MLX's operations is the one its name says, with its arguments in their places. */
@ExtendWith(OnMlxThread.class)
class OperationsTest {

    private static final float[] X = {0.25f, 1.5f, 2, 0.75f, 3.25f, 0.5f};

    @Test
    void unaryOperations() {
        unary(Mlx::negative, v -> -v);
        unary(Mlx::square, v -> v * v);
        unary(Mlx::sqrt, Math::sqrt);
        unary(Mlx::rsqrt, v -> 1 / Math.sqrt(v));
        unary(Mlx::exp, Math::exp);
        unary(Mlx::log, Math::log);
        unary(Mlx::sigmoid, v -> 1 / (1 + Math.exp(-v)));
        unary(Mlx::tanh, Math::tanh);
        unary(Mlx::silu, v -> v / (1 + Math.exp(-v)));
        unary(Mlx::sin, Math::sin);
        unary(Mlx::cos, Math::cos);
        unary(Mlx::floor, Math::floor);
        assertArrayEquals(
                new float[] {2, 0.5f},
                Mlx.abs(Array.of(new float[] {-2, 0.5f}, 2)).toFloats());
        Numbers.assertClose(
                new double[] {0.8427007929497149, -0.5204998778130465},
                Mlx.erf(Array.of(new float[] {1, -0.5f}, 2)).toFloats(),
                1e-5,
                "erf");
    }

    private static void unary(UnaryOperator<Array> op, DoubleUnaryOperator reference) {
        double[] expected = new double[X.length];
        for (int i = 0; i < X.length; i++) {
            expected[i] = reference.applyAsDouble(X[i]);
        }
        Array out = op.apply(Array.of(X, 2, 3));
        assertArrayEquals(new int[] {2, 3}, out.shape());
        Numbers.assertClose(expected, out.toFloats(), 1e-5, "unary");
    }

    @Test
    void binaryOperations() {
        binary(Mlx::add, (a, b) -> a + b);
        binary(Mlx::subtract, (a, b) -> a - b);
        binary(Mlx::multiply, (a, b) -> a * b);
        binary(Mlx::divide, (a, b) -> a / b);
        binary(Mlx::maximum, Math::max);
        binary(Mlx::minimum, Math::min);
        binary(Mlx::power, Math::pow);
        binary(Mlx::equal, (a, b) -> a == b ? 1 : 0);
        binary(Mlx::less, (a, b) -> a < b ? 1 : 0);
        binary(Mlx::greater, (a, b) -> a > b ? 1 : 0);
        assertEquals(Dtype.BOOL, Mlx.less(Array.of(X, 6), Array.of(X, 6)).dtype());
    }

    /** The second operand is broadcast over the rows. */
    private static void binary(BinaryOperator<Array> op, DoubleBinaryOperator reference) {
        float[] y = {0.25f, 2.5f, 1};
        double[] expected = new double[X.length];
        for (int i = 0; i < X.length; i++) {
            expected[i] = reference.applyAsDouble(X[i], y[i % 3]);
        }
        Numbers.assertClose(
                expected, op.apply(Array.of(X, 2, 3), Array.of(y, 3)).toFloats(), 1e-4, "binary");
    }

    @Test
    void reductions() {
        Array x = Array.of(X, 2, 3);
        assertArrayEquals(new float[] {3.75f, 4.5f}, Mlx.sum(x, 1, false).toFloats());
        assertArrayEquals(new int[] {2, 1}, Mlx.sum(x, -1, true).shape());
        assertArrayEquals(
                new float[] {0.5f, 2.375f, 1.25f}, Mlx.mean(x, 0, false).toFloats());
        assertArrayEquals(new float[] {2, 3.25f}, Mlx.max(x, 1, false).toFloats());
        assertArrayEquals(new float[] {0.25f, 0.5f}, Mlx.min(x, 1, false).toFloats());
        assertArrayEquals(new float[] {0.75f, 1.21875f}, Mlx.prod(x, 1, false).toFloats());
        assertArrayEquals(new int[] {2, 1}, Mlx.argmax(x, 1, false).toInts());
        assertArrayEquals(new int[] {0, 2}, Mlx.argmin(x, 1, false).toInts());
        Numbers.assertClose(
                new double[] {
                    Math.log(Math.exp(0.25) + Math.exp(1.5) + Math.exp(2)),
                    Math.log(Math.exp(0.75) + Math.exp(3.25) + Math.exp(0.5))
                },
                Mlx.logsumexp(x, 1, false).toFloats(),
                1e-5,
                "logsumexp");
    }

    @Test
    void matricesAndShapes() {
        Array x = Array.of(X, 2, 3);
        assertArrayEquals(
                new float[] {6.3125f, 6.0625f, 6.0625f, 11.375f},
                Mlx.matmul(x, Mlx.transpose(x, 1, 0)).toFloats());
        assertArrayEquals(new int[] {3, 2}, Mlx.reshape(x, 3, -1).shape());
        assertArrayEquals(X, Mlx.reshape(x, 6).toFloats());
        assertArrayEquals(
                new float[] {1.5f, 3.25f},
                Mlx.slice(x, new int[] {0, 1}, new int[] {2, 2}).toFloats());
        assertArrayEquals(new int[] {2, 6}, Mlx.concatenate(1, x, x).shape());
        assertArrayEquals(
                new float[] {0.75f, 3.25f, 0.5f, 0.25f, 1.5f, 2},
                Mlx.take(x, Array.of(new int[] {1, 0}, 2), 0).toFloats());
        assertArrayEquals(new int[] {0, 1, 2, 2, 0, 1}, Mlx.argsort(x, 1).toInts());
        assertArrayEquals(
                new float[] {0.25f, 9, 2},
                Mlx.where(
                                Mlx.less(Array.of(new float[] {0, 2, 1}, 3), Array.of(new float[] {1}, 1)),
                                Array.of(new float[] {0.25f, 7, 7}, 3),
                                Array.of(new float[] {8, 9, 2}, 3))
                        .toFloats());
        assertThrows(IllegalArgumentException.class, () -> Mlx.slice(x, new int[] {0}, new int[] {1, 1}));
    }

    @Test
    void softmaxOfEachRow() {
        double[] expected = new double[6];
        for (int r = 0; r < 2; r++) {
            double sum = 0;
            for (int i = 0; i < 3; i++) {
                sum += Math.exp(X[r * 3 + i]);
            }
            for (int i = 0; i < 3; i++) {
                expected[r * 3 + i] = Math.exp(X[r * 3 + i]) / sum;
            }
        }
        Numbers.assertClose(expected, Mlx.softmax(Array.of(X, 2, 3), -1).toFloats(), 1e-6, "softmax");
    }

    @Test
    void fullAndRandomNormal() {
        Array full = Mlx.full(new int[] {2, 2}, 1.5f, Dtype.FLOAT16);
        assertEquals(Dtype.FLOAT16, full.dtype());
        assertArrayEquals(new float[] {1.5f, 1.5f, 1.5f, 1.5f}, full.toFloats());

        float[] normal = Mlx.randomNormal(7, Dtype.FLOAT32, 100, 100).toFloats();
        assertArrayEquals(normal, Mlx.randomNormal(7, Dtype.FLOAT32, 100, 100).toFloats());
        double sum = 0;
        double squares = 0;
        for (float v : normal) {
            sum += v;
            squares += v * v;
        }
        assertEquals(0, sum / 10_000, 0.05);
        assertEquals(1, squares / 10_000, 0.05);
    }

    @Test
    void quantizedMatricesComeBackWithinHalfAStep() {
        float[] w = Numbers.random(new Random(4), 6 * 128);
        for (int bits : new int[] {4, 8}) {
            Weight.Affine q = Mlx.quantize(Array.of(w, 6, 128), 64, bits);
            assertArrayEquals(new int[] {6, 128 * bits / 32}, q.packed().shape());
            assertEquals(Dtype.UINT32, q.packed().dtype());
            assertArrayEquals(new int[] {6, 2}, q.scales().shape());
            float[] back = Mlx.dequantize(q).toFloats();
            for (int i = 0; i < w.length; i++) {
                // A group spans less than 2, in 2^bits - 1 steps; MLX moves the ends to keep 0 exact.
                assertTrue(Math.abs(w[i] - back[i]) <= 2.0 / ((1 << bits) - 1), "element " + i);
            }
            assertEquals(q.packed().nbytes() + 2 * q.scales().nbytes(), q.nbytes());
        }
    }

    @Test
    void whatMlxRefusesIsAnExceptionWithItsMessage() {
        MlxException e =
                assertThrows(MlxException.class, () -> Mlx.add(Array.of(new float[2], 2), Array.of(new float[3], 3)));
        assertTrue(String.valueOf(e.getMessage()).contains("(2)"), e.getMessage());
        assertThrows(MlxException.class, () -> Mlx.reshape(Array.of(X, 6), 4));
        assertThrows(MlxException.class, () -> Mlx.useCpuKernels("abacus"));
    }
}
