package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(OnMlxThread.class)
class RowOperationsTest {

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void embeddingPicksRowsOfTheTable(String kernels) {
        Kernels.use(kernels);
        int[] ids = {6, 0, 6, 3, 1};
        for (Dtype dtype : new Dtype[] {Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16}) {
            Random random = new Random(5);
            float[] table = Numbers.rounded(Numbers.random(random, 7 * 33), dtype);
            Array dense = Mlx.embedding(Array.of(ids, 5), new Weight.Dense(Numbers.array(table, dtype, 7, 33), null));
            assertArrayEquals(new int[] {5, 33}, dense.shape());
            float[] rows = dense.toFloats();
            for (int r = 0; r < ids.length; r++) {
                assertArrayEquals(
                        Arrays.copyOfRange(table, ids[r] * 33, (ids[r] + 1) * 33),
                        Arrays.copyOfRange(rows, r * 33, (r + 1) * 33));
            }
            for (int bits : new int[] {4, 8}) {
                for (int group : new int[] {32, 64, 128}) {
                    AffineMatrix matrix = new AffineMatrix(random, 7, 2 * group, group, bits, dtype);
                    Array quantised = Mlx.embedding(Array.of(ids, 5), matrix.weight(null));
                    // The portable path and GPUs answer in the scales' type.
                    double ulp = quantised.dtype() == Dtype.FLOAT32 && dtype == Dtype.FLOAT32
                            ? 0x1p-22
                            : kernels.equals(Kernels.PORTABLE) ? 0x1p-7 : 0x1p-22;
                    double[] expected = new double[5 * matrix.k];
                    double[] tolerance = new double[expected.length];
                    for (int i = 0; i < expected.length; i++) {
                        expected[i] = matrix.element(ids[i / matrix.k], i % matrix.k);
                        tolerance[i] = ulp * matrix.magnitude(ids[i / matrix.k], i % matrix.k);
                    }
                    Numbers.assertClose(
                            expected, quantised.toFloats(), tolerance, bits + " bits, group " + group + " " + dtype);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void rmsNormEqualsTheReferenceAndIgnoresItsNeighbours(String kernels) {
        Kernels.use(kernels);
        for (int k : new int[] {1, 7, 64, 129, 384}) {
            Random random = new Random(k);
            float[] x = Numbers.random(random, 9 * k);
            float[] weight = Numbers.random(random, k);
            double[] expected = new double[x.length];
            for (int r = 0; r < 9; r++) {
                double scale = Reference.rmsScale(x, r * k, k, 1e-3f);
                for (int i = 0; i < k; i++) {
                    expected[r * k + i] = x[r * k + i] * scale * weight[i];
                }
            }
            float[] all =
                    Mlx.rmsNorm(Array.of(x, 9, k), Array.of(weight, k), 1e-3f).toFloats();
            Numbers.assertClose(expected, all, 4e-6, "rms norm of " + k);
            for (int r = 0; r < 9; r++) {
                float[] alone = Mlx.rmsNorm(
                                Array.of(Arrays.copyOfRange(x, r * k, (r + 1) * k), 1, k), Array.of(weight, k), 1e-3f)
                        .toFloats();
                assertArrayEquals(alone, Arrays.copyOfRange(all, r * k, (r + 1) * k));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void swigluEqualsTheReference(String kernels) {
        Kernels.use(kernels);
        for (int f : new int[] {1, 5, 64, 131}) {
            float[] x = Numbers.random(new Random(f), 3 * 2 * f);
            x[0] = 90;
            x[2 * f] = -90;
            double[] expected = new double[3 * f];
            for (int r = 0; r < 3; r++) {
                for (int i = 0; i < f; i++) {
                    double gate = x[r * 2 * f + i];
                    expected[r * f + i] = gate / (1 + Math.exp(-gate)) * x[r * 2 * f + f + i];
                }
            }
            Array out = Mlx.swiglu(Array.of(x, 3, 2 * f));
            assertArrayEquals(new int[] {3, f}, out.shape());
            Numbers.assertClose(expected, out.toFloats(), 2e-5, "swiglu of " + f);
        }
    }

    @Test
    void rowsPicksRows() {
        float[] x = Numbers.random(new Random(1), 12);
        Array picked = Mlx.rows(Array.of(x, 4, 3), new int[] {3, 1, 3});
        assertArrayEquals(new int[] {3, 3}, picked.shape());
        assertArrayEquals(new float[] {x[9], x[10], x[11], x[3], x[4], x[5], x[9], x[10], x[11]}, picked.toFloats());
        assertThrows(
                MlxException.class,
                () -> Mlx.rows(Array.of(x, 4, 3), new int[] {4}).toFloats());
    }

    @Test
    void stepTokensMixesTokensOfTheStepBeforeWithIds() {
        Array previous = Array.of(new int[] {70, 71, 72}, 3);
        Array tokens = Mlx.stepTokens(previous, new int[] {2, -1, 0, -1}, new int[] {0, 11, 0, 13});
        assertEquals(Dtype.INT32, tokens.dtype());
        assertArrayEquals(new int[] {72, 11, 70, 13}, tokens.toInts());
        assertArrayEquals(
                new int[] {5, 6},
                Mlx.stepTokens(null, new int[] {-1, -1}, new int[] {5, 6}).toInts());
        assertThrows(
                MlxException.class,
                () -> Mlx.stepTokens(null, new int[] {0}, new int[] {1}).toInts());
        assertThrows(IllegalArgumentException.class, () -> Mlx.stepTokens(previous, new int[] {0}, new int[] {1, 2}));
    }
}
