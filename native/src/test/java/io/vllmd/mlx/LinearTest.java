package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(OnMlxThread.class)
@SuppressWarnings("try")
class LinearTest {

    private static final int MOST_ROWS = 33;

    /** Error of a float32 sum, relative to the sum of the magnitudes of its terms. */
    private static final double SUM_ERROR = 4e-6;

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void denseProductsEqualTheReferenceForAllRowCounts(String kernels) {
        Kernels.use(kernels);
        for (Dtype dtype : new Dtype[] {Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16}) {
            for (int[] nk : new int[][] {{37, 67}, {8, 256}, {1, 33}, {129, 64}}) {
                Random random = new Random(nk[0] + 31L * nk[1]);
                float[] w = Numbers.rounded(Numbers.random(random, nk[0] * nk[1]), dtype);
                Case test = new Case(random, Numbers.array(w, dtype, nk[0], nk[1]), w, nk[0], nk[1]);
                test.run(kernels, "dense " + dtype);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void affineProductsEqualTheReferenceForAllRowCounts(String kernels) {
        Kernels.use(kernels);
        for (Dtype dtype : new Dtype[] {Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16}) {
            for (int bits : new int[] {4, 8}) {
                for (int group : new int[] {32, 64, 128}) {
                    for (int[] ng : new int[][] {{37, 3}, {5, 1}, {66, 2}}) {
                        Random random = new Random(bits * group + ng[0]);
                        new Case(random, new AffineMatrix(random, ng[0], ng[1] * group, group, bits, dtype))
                                .run(kernels, "affine " + bits + " bits, group " + group + ", " + dtype);
                    }
                }
            }
        }
    }

    @Test
    void shapesThatDoNotFitAreRefused() {
        Array x = Array.of(new float[8], 2, 4);
        Weight w = new Weight.Dense(Array.of(new float[15], 3, 5), null);
        assertThrows(MlxException.class, () -> Mlx.linear(x, w));
    }

    /** One weight with its inputs and its products in double. */
    private static final class Case {
        private final float[] x;
        private final float[] bias;
        private final float[] residual;
        private final Array matrix;
        private final @Nullable AffineMatrix affine;
        private final int n;
        private final int k;
        private final double[] product;
        private final double[] magnitude;

        Case(Random random, Array matrix, float[] w, int n, int k) {
            this(random, matrix, null, n, k, (row, i) -> w[row * k + i], (row, i) -> Math.abs(w[row * k + i]));
        }

        Case(Random random, AffineMatrix affine) {
            this(random, affine.packed, affine, affine.n, affine.k, affine::element, affine::magnitude);
        }

        private Case(
                Random random,
                Array matrix,
                @Nullable AffineMatrix affine,
                int n,
                int k,
                Element element,
                Element size) {
            this.matrix = matrix;
            this.affine = affine;
            this.n = n;
            this.k = k;
            x = Numbers.random(random, MOST_ROWS * k);
            bias = Numbers.random(random, n);
            residual = Numbers.random(random, MOST_ROWS * n);
            product = new double[MOST_ROWS * n];
            magnitude = new double[MOST_ROWS * n];
            for (int row = 0; row < n; row++) {
                for (int i = 0; i < k; i++) {
                    double w = element.at(row, i);
                    double abs = size.at(row, i);
                    for (int r = 0; r < MOST_ROWS; r++) {
                        product[r * n + row] += x[r * k + i] * w;
                        magnitude[r * n + row] += Math.abs(x[r * k + i]) * abs;
                    }
                }
            }
        }

        void run(String kernels, String what) {
            float[] @Nullable [] alone = new float[MOST_ROWS][];
            for (int rows = 1; rows <= MOST_ROWS; rows++) {
                boolean withBias = rows % 2 == 0;
                boolean withResidual = rows % 3 == 0;
                check(rows, withBias, withResidual, what);
                if (!kernels.equals(Kernels.PORTABLE)) {
                    float[] all = plain(0, rows);
                    alone[rows - 1] = plain(rows - 1, rows);
                    for (int r = 0; r < rows; r++) {
                        assertArrayEquals(
                                alone[r],
                                Arrays.copyOfRange(all, r * n, (r + 1) * n),
                                what + ": row " + r + " among " + rows + " differs from the row alone");
                    }
                }
            }
        }

        private void check(int rows, boolean withBias, boolean withResidual, String what) {
            try (Scope scope = Scope.open()) {
                Array added = withResidual ? Array.of(Arrays.copyOf(residual, rows * n), rows, n) : null;
                float[] actual = Mlx.linear(
                                Array.of(Arrays.copyOf(x, rows * k), rows, k),
                                weight(withBias ? Array.of(bias, n) : null),
                                added)
                        .toFloats();
                double[] expected = Arrays.copyOf(product, rows * n);
                double[] tolerance = new double[rows * n];
                for (int i = 0; i < expected.length; i++) {
                    expected[i] += (withBias ? bias[i % n] : 0) + (withResidual ? residual[i] : 0);
                    tolerance[i] = SUM_ERROR * (magnitude[i] + 2);
                }
                Numbers.assertClose(
                        expected,
                        actual,
                        tolerance,
                        what + ", " + rows + " rows, N " + n + ", K " + k + (withBias ? ", bias" : "")
                                + (withResidual ? ", residual" : ""));
            }
        }

        private float[] plain(int from, int to) {
            try (Scope scope = Scope.open()) {
                return Mlx.linear(Array.of(Arrays.copyOfRange(x, from * k, to * k), to - from, k), weight(null))
                        .toFloats();
            }
        }

        private Weight weight(@Nullable Array layerBias) {
            return affine == null ? new Weight.Dense(matrix, layerBias) : affine.weight(layerBias);
        }
    }

    private interface Element {
        double at(int row, int column);
    }
}
