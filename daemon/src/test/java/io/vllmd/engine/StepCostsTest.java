package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class StepCostsTest {

    @Test
    void learnsTheRateBesideDecoding() {
        StepCosts costs = new StepCosts();
        for (int i = 0; i < 60; i++) {
            costs.measured(0, true, 10_000_000);
            costs.measured(100, true, 60_000_000);
        }
        assertEquals(10_000_000, costs.decodeNanos(), 1000);
        assertEquals(2000, costs.prefillRate(), 1);
        assertEquals(60_000_000, costs.nanos(100, true), 100_000);
    }

    @Test
    void believesASlowerStepSoonerThanAFasterOne() {
        StepCosts slower = settled();
        slower.measured(100, false, 200_000_000);
        StepCosts faster = settled();
        faster.measured(100, false, 50_000_000);
        double lost = 1000 - slower.prefillRate();
        double won = faster.prefillRate() - 1000;
        assertTrue(lost / 500 > won / 1000, lost + " lost, " + won + " won");
    }

    @Test
    void aStepThatNobodyTimedTeachesNothing() {
        StepCosts costs = settled();
        costs.measured(100, false, -1);
        assertEquals(1000, costs.prefillRate(), 1e-3);
    }

    private static StepCosts settled() {
        StepCosts costs = new StepCosts();
        for (int i = 0; i < 200; i++) {
            costs.measured(100, false, 100_000_000);
        }
        return costs;
    }
}
