package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(OnMlxThread.class)
class SampleTest {

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void temperatureZeroTakesTheLargestAndOfEqualsTheLowestId(String kernels) {
        Kernels.use(kernels);
        float[] logits = {
            1, 3, 3, 0, 2, //
            -5, -9, -7, -5, -6, //
            0, 0, 0, 0, 0, //
            1, 2, 3, 4, 5
        };
        float[] zeros = new float[4];
        float[] ones = {1, 1, 1, 1};
        Array tokens = Mlx.sample(Array.of(logits, 4, 5), zeros, new int[4], ones, zeros, zeros);
        assertEquals(Dtype.INT32, tokens.dtype());
        assertArrayEquals(new int[] {1, 0, 0, 4}, tokens.toInts());
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void temperaturesDownToTheSmallestFloatTakeTheLargest(String kernels) {
        Kernels.use(kernels);
        float[] temperature = {Float.MIN_VALUE, 1e-40f, Float.MIN_NORMAL, 1e-30f};
        float[] logits = {1, 3, 2, 0, 1, 3, 2, 0, 1, 3, 2, 0, 1, 3, 2, 0};
        float[] half = filled(4, 0.5f);
        for (int topK : new int[] {0, 2}) {
            int[] tokens = Mlx.sample(
                            Array.of(logits, 4, 4), temperature, new int[] {topK, topK, topK, topK}, half, half, half)
                    .toInts();
            assertArrayEquals(new int[] {1, 1, 1, 1}, tokens);
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void rowsOfAllKindsEqualTheReference(String kernels) {
        Kernels.use(kernels);
        int compared = 0;
        for (int vocabulary : new int[] {3, 97, 1000, 8193}) {
            Random random = new Random(vocabulary);
            int n = 40;
            float[] logits = new float[n * vocabulary];
            for (int i = 0; i < logits.length; i++) {
                // Eighths make ties, so the order of equals counts too.
                logits[i] = i % 2 == 0 ? Math.round(random.nextGaussian() * 16) / 8f : (float) random.nextGaussian();
            }
            float[] temperature = new float[n];
            int[] topK = new int[n];
            float[] topP = new float[n];
            float[] minP = new float[n];
            float[] uniform = new float[n];
            for (int r = 0; r < n; r++) {
                temperature[r] = r % 7 == 0 ? 0 : 0.2f + 1.5f * random.nextFloat();
                topK[r] = r % 3 == 0 ? 0 : 1 + random.nextInt(2 * Math.min(vocabulary, 60));
                topP[r] = r % 4 == 0 ? 1 : 0.05f + 0.9f * random.nextFloat();
                minP[r] = r % 5 == 0 ? 0 : 0.5f * random.nextFloat();
                uniform[r] = r == 1 ? 0 : random.nextFloat();
            }
            int[] tokens = Mlx.sample(Array.of(logits, n, vocabulary), temperature, topK, topP, minP, uniform)
                    .toInts();
            for (int r = 0; r < n; r++) {
                float[] row = Arrays.copyOfRange(logits, r * vocabulary, (r + 1) * vocabulary);
                Reference.Candidates candidates = temperature[r] == 0
                        ? Reference.candidates(row, 1, 1, 1, 0)
                        : Reference.candidates(row, temperature[r], topK[r], topP[r], minP[r]);
                int expected = candidates.doubtful() ? -1 : candidates.pick(uniform[r]);
                if (expected >= 0) {
                    compared++;
                    assertEquals(
                            expected,
                            tokens[r],
                            "row " + r + " of vocabulary " + vocabulary + ": temperature " + temperature[r] + ", top-k "
                                    + topK[r] + ", top-p " + topP[r] + ", min-p " + minP[r] + ", uniform "
                                    + uniform[r]);
                }
            }
        }
        assertTrue(compared > 140, "rounding left only " + compared + " of 160 rows to compare");
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void uniformsSpreadEvenlyHitEachTokenInProportionToItsProbability(String kernels) {
        Kernels.use(kernels);
        int n = 1000;
        float[] row = {0.3f, 2, -1, 1.2f, 0.9f, -8};
        float[] logits = new float[n * row.length];
        float[] uniform = new float[n];
        for (int r = 0; r < n; r++) {
            System.arraycopy(row, 0, logits, r * row.length, row.length);
            uniform[r] = (r + 0.5f) / n;
        }
        float[] ones = filled(n, 1);
        int[] tokens = Mlx.sample(
                        Array.of(logits, n, row.length), filled(n, 0.7f), new int[n], ones, new float[n], uniform)
                .toInts();
        int[] counts = new int[row.length];
        for (int token : tokens) {
            counts[token]++;
        }
        Reference.Candidates candidates = Reference.candidates(row, 0.7f, 0, 1, 0);
        for (int i = 0; i < row.length; i++) {
            assertEquals(candidates.probabilities()[i] * n, counts[candidates.ids()[i]], 1, "token " + i);
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void aRowsTokenDoesNotDependOnItsNeighbours(String kernels) {
        Kernels.use(kernels);
        int n = 16;
        int vocabulary = 333;
        Random random = new Random(9);
        float[] logits = Numbers.random(random, n * vocabulary);
        float[] uniform = new float[n];
        for (int r = 0; r < n; r++) {
            uniform[r] = random.nextFloat();
        }
        int[] together = Mlx.sample(
                        Array.of(logits, n, vocabulary),
                        filled(n, 1),
                        new int[n],
                        filled(n, 0.9f),
                        new float[n],
                        uniform)
                .toInts();
        for (int r = 0; r < n; r++) {
            int[] alone = Mlx.sample(
                            Array.of(Arrays.copyOfRange(logits, r * vocabulary, (r + 1) * vocabulary), 1, vocabulary),
                            new float[] {1},
                            new int[1],
                            new float[] {0.9f},
                            new float[1],
                            new float[] {uniform[r]})
                    .toInts();
            assertEquals(alone[0], together[r], "row " + r);
        }
    }

    @Test
    void parametersForAnotherNumberOfRowsAreRefused() {
        Array logits = Array.of(new float[6], 2, 3);
        float[] two = {1, 1};
        float[] one = {1};
        assertThrows(IllegalArgumentException.class, () -> Mlx.sample(logits, two, new int[1], two, two, new float[2]));
        assertThrows(MlxException.class, () -> Mlx.sample(logits, one, new int[1], one, new float[1], new float[1]));
    }

    private static float[] filled(int n, float value) {
        float[] values = new float[n];
        Arrays.fill(values, value);
        return values;
    }
}
