package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PrefillPlannerTest {

    private static EngineLimits limits(int budgetMillis, int chunk) {
        return new EngineLimits(16, 64, Duration.ofMillis(budgetMillis), chunk);
    }

    @Test
    void aStepWithAnswersInItStaysWithinTheBudgetByItsOwnEstimate() {
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            StepCosts costs = new StepCosts();
            for (int step = random.nextInt(20); step > 0; step--) {
                costs.measured(random.nextInt(300), random.nextBoolean(), 1 + random.nextInt(400_000_000));
            }
            int budget = 1 + random.nextInt(500);
            int chunk = 1 + random.nextInt(2000);
            int lanes = 1 + random.nextInt(4);
            int tokens = PrefillPlanner.tokens(limits(budget, chunk), costs, true, true, lanes);
            double mine = budget * 1e6 / lanes;

            assertTrue(tokens >= 1 && tokens <= chunk, "a chunk of " + tokens + " with a cap of " + chunk);
            boolean fits = costs.nanos(tokens, true) <= mine * (1 + 1e-9);
            boolean leastShare = costs.nanos(tokens, false) <= mine / 4 * (1 + 1e-9);
            assertTrue(fits || leastShare || tokens == 1, tokens + " tokens break a budget of " + budget + " ms");
        }
    }

    @Test
    void anUnmeasuredMachineGetsASmallFirstChunk() {
        int tokens = PrefillPlanner.tokens(limits(100, 256), new StepCosts(), true, true, 1);
        assertEquals(14, tokens);
    }

    @Test
    void withoutAnswersToDisturbAChunkIsTheCapOrWhatTheBudgetAllows() {
        StepCosts slow = new StepCosts();
        assertEquals(256, PrefillPlanner.tokens(limits(100, 256), slow, false, false, 1));
        StepCosts fast = new StepCosts();
        for (int i = 0; i < 100; i++) {
            fast.measured(1000, false, 1_000_000);
        }
        assertEquals(1024, PrefillPlanner.tokens(limits(100, 256), fast, false, false, 1));
    }

    @Test
    void sharesAddUpAndGiveTheOldestHalf() {
        Random random = new Random(2);
        for (int i = 0; i < 20_000; i++) {
            int[] remaining = random.ints(1 + random.nextInt(8), 1, 300).toArray();
            int tokens = 1 + random.nextInt(400);
            int[] shares = PrefillPlanner.share(remaining, tokens);

            int sum = Arrays.stream(shares).sum();
            assertEquals(Math.min(tokens, Arrays.stream(remaining).sum()), sum, "nothing that fits is left out");
            for (int k = 0; k < shares.length; k++) {
                assertTrue(shares[k] >= 0 && shares[k] <= remaining[k]);
            }
            assertTrue(shares[0] >= Math.min(remaining[0], (tokens + 1) / 2));
        }
    }

    @Test
    void aShortPromptPassesALongOne() {
        assertArrayEquals(new int[] {50, 40, 10}, PrefillPlanner.share(new int[] {5000, 3000, 10}, 100));
    }
}
