package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(OnMlxThread.class)
class ChooseTest {

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void rowsOfAllKindsAtOnceEqualTheReference(String kernels) {
        Kernels.use(kernels);
        int compared = 0;
        int[] vocabularies = {32, 33, 97, 1000, 8195};
        for (int vocabulary : vocabularies) {
            Random random = new Random(vocabulary);
            List<ChoosingReference> rows = new ArrayList<>();
            for (int r = 0; r < 40; r++) {
                rows.add(ChoosingReference.random(random, vocabulary));
            }
            Chosen chosen = ChoosingReference.choose(rows);
            int[] tokens = chosen.tokens().toInts();
            for (int r = 0; r < rows.size(); r++) {
                ChoosingReference row = rows.get(r);
                assertTrue(row.allows(tokens[r]), "row " + r + " of " + vocabulary + " leaves its mask");
                int expected = row.token();
                if (expected >= 0) {
                    compared++;
                    assertEquals(expected, tokens[r], "row " + r + " of vocabulary " + vocabulary);
                }
            }
            compareLogprobs(rows, chosen, tokens);
        }
        assertTrue(compared > 180, "rounding left only " + compared + " of 200 rows to compare");
    }

    private static void compareLogprobs(List<ChoosingReference> rows, Chosen chosen, int[] tokens) {
        float[] told = Objects.requireNonNull(chosen.logprobs()).toFloats();
        int[] ids = Objects.requireNonNull(chosen.topIds()).toInts();
        int k = ids.length / rows.size();
        assertEquals(rows.stream().mapToInt(row -> row.logprobs).max().orElseThrow(), k);
        for (int r = 0; r < rows.size(); r++) {
            ChoosingReference row = rows.get(r);
            double[] logprobs = row.logprobs();
            float[] numbers = row.logits.clone();
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = Float.isNaN(numbers[i]) ? Float.NEGATIVE_INFINITY : numbers[i];
            }
            int[] order = ChoosingReference.likeliest(numbers);
            assertLogprob(
                    row.logprobs < 0 ? Double.NEGATIVE_INFINITY : logprobs[tokens[r]], told[r * (1 + k)], "row " + r);
            for (int i = 0; i < k; i++) {
                boolean wanted = i < row.logprobs && logprobs[order[i]] > Double.NEGATIVE_INFINITY;
                String what = "row " + r + ", likeliest " + i;
                assertEquals(wanted ? order[i] : -1, ids[r * k + i], what);
                assertLogprob(wanted ? logprobs[order[i]] : Double.NEGATIVE_INFINITY, told[r * (1 + k) + 1 + i], what);
            }
        }
    }

    private static void assertLogprob(double expected, float actual, String what) {
        if (expected == Double.NEGATIVE_INFINITY) {
            assertEquals(Float.NEGATIVE_INFINITY, actual, what);
        } else {
            assertEquals(expected, actual, 1e-4, what);
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void aRowsResultsDoNotDependOnItsNeighbours(String kernels) {
        Kernels.use(kernels);
        Random random = new Random(7);
        List<ChoosingReference> rows = new ArrayList<>();
        for (int r = 0; r < 16; r++) {
            ChoosingReference row = ChoosingReference.random(random, 1234);
            row.logprobs = 5;
            rows.add(row);
        }
        Chosen together = ChoosingReference.choose(rows);
        int[] tokens = together.tokens().toInts();
        float[] logprobs = Objects.requireNonNull(together.logprobs()).toFloats();
        for (int r = 0; r < rows.size(); r++) {
            Chosen alone = ChoosingReference.choose(List.of(rows.get(r)));
            assertEquals(tokens[r], alone.tokens().toInts()[0], "row " + r);
            float[] own = new float[6];
            System.arraycopy(logprobs, r * 6, own, 0, 6);
            assertArrayEquals(own, Objects.requireNonNull(alone.logprobs()).toFloats(), "row " + r);
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void penaltiesActInTheirOrder(String kernels) {
        Kernels.use(kernels);
        ChoosingReference repeated = new ChoosingReference(4, 3, 0);
        repeated.repetition = 2;
        repeated.counts.put(0, new int[] {0, 1});
        // 8 / 2 − 1.5 − 2 · 0.75 = 1, where subtracting first would give (8 − 3) / 2 = 2.5.
        ChoosingReference all = new ChoosingReference(6, 2, 0);
        all.bias.put(0, 2f);
        all.repetition = 2;
        all.presence = 1.5f;
        all.frequency = 0.75f;
        all.counts.put(0, new int[] {2, 1});
        // −1 · 2 = −2 falls behind −1.5.
        ChoosingReference negative = new ChoosingReference(-1, -1.5f, -3);
        negative.repetition = 2;
        negative.counts.put(0, new int[] {0, 5});
        ChoosingReference rewarded = new ChoosingReference(1, 1.4f, 0);
        rewarded.frequency = -0.25f;
        rewarded.counts.put(0, new int[] {2, 0});
        assertArrayEquals(new int[] {1, 1, 1, 0}, ChoosingReference.tokens(repeated, all, negative, rewarded));
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void theNewestTokenCountsOnceMoreThanTheHostKnows(String kernels) {
        Kernels.use(kernels);
        ChoosingReference uncounted = new ChoosingReference(3, 2.5f, 0);
        uncounted.presence = 1;
        uncounted.newest = 0;
        ChoosingReference twice = new ChoosingReference(3, 1.5f, 0);
        twice.frequency = 1;
        twice.newest = 0;
        twice.counts.put(0, new int[] {1, 0});
        ChoosingReference once = new ChoosingReference(3, 1.5f, 0);
        once.frequency = 1;
        once.newest = 0;
        ChoosingReference biased = new ChoosingReference(3, 2.5f, 0);
        biased.bias.put(0, 1f);
        biased.repetition = 2;
        biased.newest = 0;
        ChoosingReference free = new ChoosingReference(3, 2.5f, 0);
        free.newest = 0;
        assertArrayEquals(new int[] {1, 1, 0, 1, 0}, ChoosingReference.tokens(uncounted, twice, once, biased, free));
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void theOnlyTokenThatAMaskAllowsComesWhateverSpeaksAgainstIt(String kernels) {
        Kernels.use(kernels);
        List<ChoosingReference> rows = new ArrayList<>();
        int vocabulary = 70;
        float[] against = {-1e30f, Float.NEGATIVE_INFINITY, Float.NaN, 0, 5};
        for (int i = 0; i < 2 * against.length; i++) {
            float[] logits = new float[vocabulary];
            logits[69] = against[i / 2];
            ChoosingReference row = new ChoosingReference(logits);
            row.mask = new int[] {0, 0, 1 << 5};
            row.temperature = i % 2;
            row.uniform = 0.99f;
            if (i / 2 == 3) {
                row.bias.put(69, Float.NEGATIVE_INFINITY);
            }
            if (i / 2 == 4) {
                row.counts.put(69, new int[] {1, 1});
                row.presence = Float.MAX_VALUE;
                row.repetition = Float.MAX_VALUE;
            }
            rows.add(row);
        }
        int[] tokens = ChoosingReference.choose(rows).tokens().toInts();
        for (int token : tokens) {
            assertEquals(69, token);
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void bannedTokensNeverCome(String kernels) {
        Kernels.use(kernels);
        List<ChoosingReference> rows = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            ChoosingReference row = new ChoosingReference(9, 9, 1, Float.NaN, Float.NEGATIVE_INFINITY);
            row.bias.put(0, Float.NEGATIVE_INFINITY);
            row.bias.put(1, Float.NEGATIVE_INFINITY);
            row.temperature = i % 2 == 0 ? 0 : 10;
            row.uniform = i / 50f;
            rows.add(row);
        }
        for (int token : ChoosingReference.choose(rows).tokens().toInts()) {
            assertEquals(2, token);
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void theFirstTokensOfALargeVocabularyAreFoundWhereverTheyStand(String kernels) {
        Kernels.use(kernels);
        Random random = new Random(11);
        int vocabulary = 30_011;
        List<ChoosingReference> rows = new ArrayList<>();
        for (int r = 0; r < 12; r++) {
            float[] logits = new float[vocabulary];
            for (int i = 0; i < vocabulary; i++) {
                // Few levels: hundreds of equals at every cut.
                logits[i] = Math.round(random.nextGaussian() * 2) / 2f;
            }
            if (r % 3 == 0) {
                logits[vocabulary - 1] = 9;
            }
            ChoosingReference row = new ChoosingReference(logits);
            row.temperature = r % 4 == 0 ? 0 : 1;
            row.topK = 1 + random.nextInt(60);
            row.uniform = random.nextFloat();
            row.logprobs = random.nextInt(21);
            rows.add(row);
        }
        Chosen chosen = ChoosingReference.choose(rows);
        int[] tokens = chosen.tokens().toInts();
        for (int r = 0; r < rows.size(); r++) {
            int expected = rows.get(r).token();
            assertTrue(expected < 0 || expected == tokens[r], "row " + r + ": " + expected + ", " + tokens[r]);
        }
        compareLogprobs(rows, chosen, tokens);
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void flatRowsOfALargeVocabularyFollowTheRandomNumber(String kernels) {
        Kernels.use(kernels);
        // Falling steps of a thousand equal tokens: the token's rank is its id, its share of the mass known.
        int vocabulary = 50_001;
        float[] logits = new float[vocabulary];
        double[] cumulated = new double[vocabulary];
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = -(i / 1000) / 64f;
            sum += Math.exp(logits[i]);
            cumulated[i] = sum;
        }
        List<ChoosingReference> rows = new ArrayList<>();
        float[] topP = {1, 1, 0.6f, 0.6f, 1, 1, 0.95f};
        float[] minP = {0, 0, 0, 0, 0.7f, 0.7f, 0.6f};
        float[] uniform = {0.25f, 0.999f, 0.5f, 0.97f, 0.1f, 0.8f, 0.7f};
        for (int r = 0; r < topP.length; r++) {
            ChoosingReference row = new ChoosingReference(logits);
            row.temperature = 1;
            row.topP = topP[r];
            row.minP = minP[r];
            row.uniform = uniform[r];
            rows.add(row);
        }
        int[] tokens = ChoosingReference.choose(rows).tokens().toInts();
        for (int r = 0; r < topP.length; r++) {
            int kept = 0;
            while (kept < vocabulary
                    && (kept == 0 || topP[r] == 1 || cumulated[kept - 1] < topP[r] * sum)
                    && Math.exp(logits[kept]) >= minP[r]) {
                kept++;
            }
            double target = uniform[r] * cumulated[kept - 1];
            int expected = 0;
            while (cumulated[expected] <= target) {
                expected++;
            }
            // Sums of fifty thousand float32 numbers: MLX's may be off by a few tokens' weight, ours by one.
            assertEquals(expected, tokens[r], kernels.equals(Kernels.PORTABLE) ? 5 : 1, "row " + r);
        }
    }

    @Test
    void likeliestAreToldOnlyWhereARowAsks() {
        ChoosingReference silent = new ChoosingReference(1, 2, 3);
        Chosen none = ChoosingReference.choose(List.of(silent, silent));
        assertNull(none.logprobs());
        assertNull(none.topIds());
        ChoosingReference own = new ChoosingReference(1, 2, 3);
        own.logprobs = 0;
        Chosen one = ChoosingReference.choose(List.of(silent, own));
        Array logprobs = Objects.requireNonNull(one.logprobs());
        assertArrayEquals(new int[] {2, 1}, logprobs.shape());
        assertNull(one.topIds());
        assertEquals(own.logprobs()[2], logprobs.toFloats()[1], 1e-6);
        ChoosingReference all = new ChoosingReference(1, 2, 3);
        all.logprobs = 3;
        Chosen three = ChoosingReference.choose(List.of(own, all));
        assertArrayEquals(
                new int[] {-1, -1, -1, 2, 1, 0},
                Objects.requireNonNull(three.topIds()).toInts());
        assertNotNull(three.logprobs());
    }

    @Test
    void rowsAreReusableAfterClear() {
        SamplingRows rows = new SamplingRows();
        rows.addGreedy();
        rows.bias(2, -100);
        rows.count(1, 1, 1);
        rows.mask(new int[] {7});
        rows.clear();
        assertEquals(0, rows.rows());
        rows.addGreedy();
        assertArrayEquals(
                new int[] {2},
                Mlx.choose(Array.of(new float[] {1, 2, 3}, 1, 3), rows, null)
                        .tokens()
                        .toInts());
    }

    @Test
    void whatCannotBeIsRefused() {
        Array logits = Array.of(new float[33], 1, 33);
        SamplingRows rows = new SamplingRows();
        assertThrows(IllegalStateException.class, () -> rows.bias(1, 1));
        rows.addGreedy();
        assertThrows(IllegalArgumentException.class, () -> rows.mask(new int[2]));
        rows.mask(new int[] {1});
        assertThrows(IllegalArgumentException.class, () -> Mlx.choose(logits, rows, null));
        refused(logits, r -> r.add(-1, 0, 1, 0, 0, 0, 0, 1, -1, -1), "temperature of row 0 is -1");
        refused(logits, r -> r.add(0, 0, 1, 0, 0, 0, 0, 0, -1, -1), "repetition penalty of row 0 is 0");
        refused(logits, r -> r.add(0, 0, 1, 0, 0, Float.NaN, 0, 1, -1, -1), "presence");
        refused(logits, r -> r.add(0, 0, 1, 0, 0, 0, 0, 1, 0, -1), "newest token at 0 of 0");
        refused(logits, r -> r.add(0, 0, 1, 0, 0, 0, 0, 1, -1, 34), "k is 34");
        refused(
                logits,
                r -> {
                    r.addGreedy();
                    r.count(33, 1, 1);
                },
                "token 33");
        refused(
                logits,
                r -> {
                    r.addGreedy();
                    r.bias(-1, 1);
                },
                "token -1");
        refused(
                logits,
                r -> {
                    r.addGreedy();
                    r.addGreedy();
                },
                "expected 2 rows");
    }

    private static void refused(Array logits, java.util.function.Consumer<SamplingRows> fill, String why) {
        SamplingRows rows = new SamplingRows();
        fill.accept(rows);
        MlxException e = assertThrows(MlxException.class, () -> Mlx.choose(logits, rows, null));
        assertTrue(String.valueOf(e.getMessage()).contains(why), e.getMessage());
    }
}
