package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class StepClockTest {
    private static final long WAITED = 1_000_000;

    @Test
    void countsFromSubmissionWhereTheDeviceWasIdle() {
        StepClock clock = new StepClock();
        assertEquals(300, clock.finished(100, 400, WAITED));
        assertEquals(500, clock.finished(1000, 1500, WAITED));
    }

    @Test
    void countsFromTheStepBeforeWhereThatStillRan() {
        StepClock clock = new StepClock();
        clock.finished(0, 1000, WAITED);
        assertEquals(700, clock.finished(400, 1700, WAITED));
    }

    @Test
    void doesNotGuessWhereTheStepBeforeHadEndedUnseen() {
        StepClock clock = new StepClock();
        clock.finished(0, 1000, 0);
        assertEquals(-1, clock.finished(400, 1100, WAITED));
        assertEquals(900, clock.finished(500, 2000, WAITED));
    }
}
