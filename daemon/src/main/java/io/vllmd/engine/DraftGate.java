package io.vllmd.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * How many tokens a {@link Drafter} had better guess, and for which sequences: by the rate at which its guesses for each
 * were right, and by what steps and guesses were measured to cost. Rates are only seen where it guesses, so where it does
 * not win it is tried again now and then, more seldom each time.
 */
class DraftGate {
    private static final int MOST = 8;

    /** What guessing must gain to be worth it; above 1, since the estimates are noisy. */
    private static final double WORTH = 1.05;

    /** Chance that a guess is right before any was seen: hopeful, so that it is tried. */
    private static final double HOPE = 0.8;

    private static final int TRIAL = 3;
    private static final int FIRST_PAUSE = 64;
    private static final int LONGEST_PAUSE = 4096;

    /** Weight of the newest guess in a rate. */
    private static final double NEWEST = 0.05;

    private int pause = FIRST_PAUSE;
    private int stepsWithout;

    /** Of all sequences: what a new one begins with. */
    private double rate = HOPE;

    /**
     * @param sequences who is guessed for; none where it does not pay
     * @param tokens how many for each
     */
    record Plan(List<Sequence> sequences, int tokens) {
        static final Plan NONE = new Plan(List.of(), 0);
    }

    /**
     * Decides for the next step.
     *
     * @param candidates whose tokens can be guessed
     * @param rows of the step without guesses
     */
    Plan plan(List<Sequence> candidates, int rows, StepCosts costs, Drafter drafter) {
        Plan best = candidates.isEmpty() ? Plan.NONE : best(candidates, rows, costs, drafter);
        if (best.tokens > 0) {
            stepsWithout = 0;
            pause = FIRST_PAUSE;
            return best;
        }
        if (candidates.isEmpty() || ++stepsWithout < pause || costs.decodeNanos(rows) == 0) {
            return Plan.NONE;
        }
        stepsWithout = 0;
        pause = Math.min(LONGEST_PAUSE, 2 * pause);
        return couldWin(candidates.size(), rows, costs, drafter) ? new Plan(candidates, TRIAL) : Plan.NONE;
    }

    private Plan best(List<Sequence> candidates, int rows, StepCosts costs, Drafter drafter) {
        double plain = costs.decodeNanos(rows);
        if (plain <= 0) {
            return Plan.NONE;
        }
        List<Sequence> order = new ArrayList<>(candidates);
        order.sort(Comparator.comparingDouble(this::rateOf).reversed());
        double fastest = WORTH * rows / plain;
        Plan best = Plan.NONE;
        double[] gains = new double[MOST + 1];
        for (int m = 1; m <= order.size(); m++) {
            double chance = rateOf(order.get(m - 1));
            double expected = 0;
            double all = 1;
            for (int k = 1; k <= MOST; k++) {
                all *= chance;
                expected += all;
                gains[k] += expected;
                double speed = (rows + gains[k]) / nanos(rows, m, k, costs, drafter);
                if (speed > fastest) {
                    fastest = speed;
                    best = new Plan(List.copyOf(order.subList(0, m)), k);
                }
            }
        }
        return best;
    }

    private static double nanos(int rows, int sequences, int tokens, StepCosts costs, Drafter drafter) {
        return costs.decodeNanos(rows + sequences * tokens) + tokens * drafter.nanos(sequences) + 2 * costs.hostNanos();
    }

    /** Whether guesses that are nearly always right would make tokens come faster. */
    private static boolean couldWin(int sequences, int rows, StepCosts costs, Drafter drafter) {
        double plain = rows / costs.decodeNanos(rows);
        for (int k = 1; k <= MOST; k++) {
            if ((rows + 0.9 * sequences * k) / nanos(rows, sequences, k, costs, drafter) > WORTH * plain) {
                return true;
            }
        }
        return false;
    }

    private double rateOf(Sequence sequence) {
        double own = sequence.draftRate;
        return own < 0 ? rate : own;
    }

    /** Takes in what became of guesses: the first {@code right} were, and, where there are more, the next was not. */
    void verified(Sequence sequence, int guesses, int right) {
        double own = rateOf(sequence);
        for (int i = 0; i < Math.min(guesses, right + 1); i++) {
            double was = i < right ? 1 : 0;
            own += (was - own) * NEWEST * 2;
            rate += (was - rate) * NEWEST;
        }
        sequence.draftRate = own;
    }
}
