package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.mlx.SamplingRows;
import io.vllmd.mlx.Scope;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SamplingPlanTest {
    private static final int VOCABULARY = 40;

    @SuppressWarnings("NullAway.Init")
    private static MlxThread mlx;

    @BeforeAll
    static void start() {
        mlx = MlxThread.start("mlx-sampling-plan-test");
        mlx.execute(() -> Mlx.setDefaultDevice(Device.CPU));
    }

    @AfterAll
    static void stop() {
        mlx.close();
    }

    @Test
    void aRowWhoseNewestTokenIsUnknownIsTheRowThatKnowsIt() {
        Random random = new Random(1);
        for (int round = 0; round < 50; round++) {
            GenerationRequest request = random(random);
            int newest = random.nextInt(VOCABULARY);
            float[] logits = logits(random, 1);
            SamplingPlan plan = new SamplingPlan(request, VOCABULARY);
            took(plan, random.ints(random.nextInt(20), 0, VOCABULARY).toArray());
            SamplingRows unknown = new SamplingRows();
            plan.addTo(unknown, 1, null);
            SamplingRows known = new SamplingRows();
            plan.took(newest);
            plan.addTo(known, -1, null);
            int[] previous = {(newest + 1) % VOCABULARY, newest};
            assertArrayEquals(choose(logits, known, null), choose(logits, unknown, previous), "round " + round);
        }
    }

    @Test
    void rowsThatVerifyGuessesAreThoseThatWouldComeWithoutGuessing() {
        Random random = new Random(2);
        for (int round = 0; round < 50; round++) {
            GenerationRequest request = random(random);
            int[] drafts = random.ints(1 + random.nextInt(4), 0, VOCABULARY).toArray();
            float[] logits = logits(random, 1 + drafts.length);
            SamplingPlan plan = new SamplingPlan(request, VOCABULARY);
            took(plan, random.ints(random.nextInt(20), 0, VOCABULARY).toArray());
            SamplingRows together = new SamplingRows();
            plan.addTo(together, -1, null);
            plan.addDrafts(together, drafts, i -> null);
            int known = plan.known();
            SamplingRows oneByOne = new SamplingRows();
            plan.addTo(oneByOne, -1, null);
            for (int draft : drafts) {
                plan.took(draft);
                plan.addTo(oneByOne, -1, null);
            }
            assertArrayEquals(choose(logits, oneByOne, null), choose(logits, together, null), "round " + round);
            plan.rollback(drafts.length);
            assertEquals(known, plan.known());
        }
    }

    @Test
    void stopTokensCannotComeBeforeMinTokensWhateverTheirBias() {
        Sampling sampling = new Sampling(0, 1, 0, 0, 0, Sampling.Penalties.NONE, Map.of(3, 50f, 4, 1f));
        SamplingPlan plan = new SamplingPlan(
                GenerationRequest.builder("r", new int[] {1, 2}, 10)
                        .sampling(sampling)
                        .minTokens(2)
                        .stopTokens(Set.of(3, VOCABULARY + 7))
                        .build(),
                VOCABULARY);
        float[] level = new float[VOCABULARY];
        assertEquals(4, next(plan, level, null));
        plan.took(4);
        assertEquals(4, next(plan, level, null));
        // The one allowed token comes all the same: a guide that wants the end has it.
        assertEquals(3, next(plan, level, new int[] {1 << 3, 0}));
        plan.took(4);
        assertEquals(3, next(plan, level, null));
        plan.rollback(1);
        assertEquals(4, next(plan, level, null));
    }

    @Test
    void randomNumbersBelongToTheSeedAndThePosition() {
        float[] level = new float[1000];
        Sampling sampling = new Sampling(1, 1, 0, 0, 99);
        SamplingPlan plan =
                new SamplingPlan(new GenerationRequest("r", new int[5], sampling, 10, Set.of()), level.length);
        for (int position = 5; position < 15; position++) {
            assertEquals((int) (SeededUniform.at(99, position) * 1000), next(plan, level, null), 1);
            plan.took(0);
        }
    }

    @Test
    void aMaskThatAllowsNothingIsRefused() {
        SamplingPlan plan =
                new SamplingPlan(new GenerationRequest("r", new int[1], Sampling.GREEDY, 1, Set.of()), VOCABULARY);
        assertThrows(
                IllegalArgumentException.class, () -> plan.addTo(new SamplingRows(), -1, new int[VOCABULARY / 32 + 1]));
    }

    private static void took(SamplingPlan plan, int[] tokens) {
        for (int token : tokens) {
            plan.took(token);
        }
    }

    private static GenerationRequest random(Random random) {
        Sampling.Penalties penalties = new Sampling.Penalties(
                random.nextInt(3) - 1, random.nextInt(3) - 1, random.nextBoolean() ? 1 : 1.3f, random.nextInt(12));
        Sampling sampling = new Sampling(
                random.nextInt(3) == 0 ? 0 : 0.8f,
                random.nextBoolean() ? 1 : 0.9f,
                random.nextInt(20),
                0,
                random.nextLong(),
                penalties,
                random.nextBoolean() ? Map.of() : Map.of(random.nextInt(VOCABULARY), 3 * random.nextFloat()));
        return GenerationRequest.builder(
                        "r", random.ints(1 + random.nextInt(20), 0, VOCABULARY).toArray(), 100)
                .sampling(sampling)
                .minTokens(random.nextInt(30))
                .stopTokens(Set.of(random.nextInt(VOCABULARY)))
                .logprobs(random.nextInt(4) - 1)
                .build();
    }

    private static float[] logits(Random random, int rows) {
        float[] logits = new float[rows * VOCABULARY];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian();
        }
        return logits;
    }

    private static int next(SamplingPlan plan, float[] logits, int @Nullable [] mask) {
        SamplingRows rows = new SamplingRows();
        plan.addTo(rows, -1, mask);
        return choose(logits, rows, null)[0];
    }

    @SuppressWarnings("try") // the scope is there to be closed
    private static int[] choose(float[] logits, SamplingRows rows, int @Nullable [] previous) {
        return mlx.call(() -> {
            try (Scope scope = Scope.open()) {
                Array before = previous == null ? null : Array.of(previous, previous.length);
                return Mlx.choose(Array.of(logits, rows.rows(), logits.length / rows.rows()), rows, before)
                        .tokens()
                        .toInts();
            }
        });
    }
}
