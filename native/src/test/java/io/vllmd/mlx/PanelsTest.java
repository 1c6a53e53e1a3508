package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(OnMlxThread.class)
class PanelsTest {

    private static final int ROWS = 32;
    private static final int COLUMNS = 192;
    private static final float EPS = 1e-6f;

    /** Error of a sum in float32, relative to the magnitudes of its terms. */
    private static final double SUM_ERROR = 4e-6;

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void normedProductsOfPanelsEqualThoseOfRows(String kernels) {
        Kernels.use(kernels);
        for (int bits : new int[] {4, 8}) {
            Matrix matrix = new Matrix(bits);
            for (int n : new int[] {1, 3, 20}) {
                Array x = Array.of(Numbers.random(matrix.random, n * COLUMNS), n, COLUMNS);
                RmsNorm norm = new RmsNorm(Array.of(Numbers.random(matrix.random, COLUMNS), COLUMNS), EPS);
                Array normed = Mlx.rmsNorm(x, norm.weight(), EPS);
                double[] tolerance = matrix.tolerance(normed.toFloats(), n, 0);
                assertClose(Mlx.linear(normed, matrix.rows), Mlx.linear(x, norm, matrix.panels), tolerance, "linear");
                Array gated = Mlx.swiglu(Mlx.linear(normed, matrix.rows));
                double[] loose = new double[n * ROWS / 2];
                Arrays.fill(loose, 40 * Arrays.stream(tolerance).max().orElseThrow());
                assertClose(gated, Mlx.gated(x, norm, matrix.panels), loose, "gated");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#own")
    void fastProductsAreCloseAndDoNotDependOnOtherRows(String kernels) {
        Kernels.use(kernels);
        for (int bits : new int[] {4, 8}) {
            Matrix matrix = new Matrix(bits);
            int n = 7;
            float[] values = Numbers.random(matrix.random, n * COLUMNS);
            Array x = Array.of(values, n, COLUMNS);
            Array exact = Mlx.linear(x, matrix.panels);
            double[] tolerance = matrix.tolerance(values, n, 1.0 / 65534);
            exact.toFloats();
            Mlx.useFastCpuMath(true);
            try {
                check(matrix, values, n, exact, tolerance);
            } finally {
                Mlx.useFastCpuMath(false);
            }
        }
    }

    private static void check(Matrix matrix, float[] values, int n, Array exact, double[] tolerance) {
        float[] fast = Mlx.linear(Array.of(values, n, COLUMNS), matrix.panels).toFloats();
        Numbers.assertClose(doubles(exact.toFloats()), fast, tolerance, "fast");
        for (int row = 0; row < n; row++) {
            float[] one = Arrays.copyOfRange(values, row * COLUMNS, (row + 1) * COLUMNS);
            float[] alone = Mlx.linear(Array.of(one, 1, COLUMNS), matrix.panels).toFloats();
            assertArrayEquals(Arrays.copyOfRange(fast, row * ROWS, (row + 1) * ROWS), alone, "row " + row);
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void rowsOfATableInPanelsAreThoseOfTheTable(String kernels) {
        Kernels.use(kernels);
        Matrix matrix = new Matrix(4);
        Array ids = Array.of(new int[] {31, 0, 17}, 3);
        assertArrayEquals(
                Mlx.embedding(ids, matrix.rows).toFloats(),
                Mlx.embedding(ids, matrix.panels).toFloats(),
                1e-6f);
    }

    @Test
    void aWeightWhoseRowsFillNoPanelStaysAsItIs() {
        AffineMatrix matrix = new AffineMatrix(new Random(1), 40, 64, 32, 8, Dtype.FLOAT32);
        Matrix.Memory memory = new Matrix.Memory(matrix.weight(null));
        assertFalse(memory.arrange(40, 64, 32, 8));
    }

    @Test
    void memoryThatIsNoSuchWeightIsRefused() {
        AffineMatrix matrix = new AffineMatrix(new Random(1), 32, 64, 32, 8, Dtype.FLOAT32);
        Matrix.Memory memory = new Matrix.Memory(matrix.weight(null));
        assertThrows(IllegalArgumentException.class, () -> memory.arrange(32, 128, 32, 8));
    }

    @Test
    void onlyLinearLayersReadPanels() {
        Matrix matrix = new Matrix(8);
        assertThrows(IllegalArgumentException.class, () -> Mlx.dequantize(matrix.panels));
        assertEquals(matrix.rows.nbytes(), matrix.panels.nbytes());
    }

    private static void assertClose(Array expected, Array actual, double[] tolerance, String what) {
        Numbers.assertClose(doubles(expected.toFloats()), actual.toFloats(), tolerance, what);
    }

    private static double[] doubles(float[] values) {
        double[] result = new double[values.length];
        Arrays.setAll(result, i -> values[i]);
        return result;
    }

    /** The same weight in both orders. */
    private static final class Matrix {
        private static final int GROUP = 64;

        final Random random;
        final AffineMatrix matrix;
        final Weight.Affine rows;
        final Weight.Affine panels;

        Matrix(int bits) {
            random = new Random(bits);
            matrix = new AffineMatrix(random, ROWS, COLUMNS, GROUP, bits, Dtype.FLOAT32);
            rows = matrix.weight(null);
            Memory memory = new Memory(rows);
            assertTrue(memory.arrange(ROWS, COLUMNS, GROUP, bits));
            panels = new Weight.Affine(
                    memory.packed.array(), memory.scales.array(), memory.biases.array(), GROUP, bits, null, true);
        }

        /** Of products with x [n, K], each element of which may have moved by {@code rounding} of its group's largest. */
        double[] tolerance(float[] x, int n, double rounding) {
            double[] tolerance = new double[n * ROWS];
            for (int i = 0; i < tolerance.length; i++) {
                for (int first = 0; first < COLUMNS; first += GROUP) {
                    double largest = 0;
                    double weights = 0;
                    double terms = 0;
                    for (int k = first; k < first + GROUP; k++) {
                        double value = Math.abs(x[i / ROWS * COLUMNS + k]);
                        largest = Math.max(largest, value);
                        weights += Math.abs(matrix.element(i % ROWS, k));
                        terms += value * matrix.magnitude(i % ROWS, k);
                    }
                    tolerance[i] += rounding * largest * weights + SUM_ERROR * terms;
                }
            }
            return tolerance;
        }

        /** Copies of a weight's arrays in memory that can be reordered. */
        private static final class Memory {
            final Array.Allocation packed;
            final Array.Allocation scales;
            final Array.Allocation biases;

            Memory(Weight.Affine weight) {
                int[] words = weight.packed().toInts();
                packed = Array.allocate(
                        Dtype.UINT32, weight.packed().dim(0), weight.packed().dim(1));
                packed.memory().copyFrom(MemorySegment.ofArray(words));
                scales = copy(weight.scales());
                biases = copy(weight.biases());
            }

            private static Array.Allocation copy(Array numbers) {
                Array.Allocation copy = Array.allocate(Dtype.FLOAT32, numbers.dim(0), numbers.dim(1));
                copy.memory().copyFrom(MemorySegment.ofArray(numbers.toFloats()));
                return copy;
            }

            boolean arrange(int n, int k, int group, int bits) {
                return Panels.arrange(
                        packed.memory(), scales.memory(), biases.memory(), n, k, group, bits, Dtype.FLOAT32);
            }
        }
    }
}
