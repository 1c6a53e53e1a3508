package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Guessing goes on where the costs of steps and the rate of right guesses say that it wins, and off where not. */
class SpeculationTest {

    private static StepCosts costs(long oneRow, long eachMore) {
        StepCosts costs = new StepCosts();
        for (int rows = 1; rows <= 32; rows++) {
            costs.measuredRows(rows, oneRow + eachMore * (rows - 1));
        }
        return costs;
    }

    private static Speculation repeating(StepCosts costs, int tokens) {
        Speculation speculation = new Speculation(new int[] {0, 1, 2, 3, 4, 5, 6}, costs);
        for (int i = 0; i < tokens; i++) {
            speculation.took(i % 7);
        }
        return speculation;
    }

    @Test
    void goesOnWhereMoreRowsCostLittleAndTheAnswerRepeatsItself() {
        Speculation speculation = repeating(costs(1000, 50), 60);
        assertTrue(speculation.wants(1));
        assertEquals(8, speculation.drafts(1, 100).length);
        assertEquals(2, speculation.drafts(1, 2).length);
    }

    @Test
    void staysOffWhereMoreRowsCostAsMuchAsMoreSteps() {
        assertFalse(repeating(costs(1000, 1000), 60).wants(1));
    }

    @Test
    void goesOffWhenGuessesAreWrong() {
        Speculation speculation = repeating(costs(1000, 200), 60);
        assertTrue(speculation.wants(1));
        // The same three tokens, then another one each time.
        for (int i = 0; i < 40; i++) {
            speculation.took(0);
            speculation.took(1);
            speculation.took(2);
            speculation.took(100 + i);
        }
        speculation.took(0);
        speculation.took(1);
        speculation.took(2);
        assertTrue(speculation.drafts(1, 100).length <= 2, "three of four guesses are right, and no run of them");
        for (int i = 0; i < 100; i++) {
            speculation.took(200 + i);
            speculation.took(1);
            speculation.took(2);
            speculation.took(3);
        }
        assertFalse(speculation.wants(1));
    }

    @Test
    void staysOffBeforeAnyStepWasMeasured() {
        assertFalse(repeating(new StepCosts(), 60).wants(1));
    }
}
