package io.vllmd.engine;

/**
 * Whether, and how far, one sequence's tokens are guessed ahead. A guess is verified by reading it in the same step, as
 * if it were known: right guesses are tokens for the price of a wider step, wrong ones are rows for nothing.
 *
 * <p>While it is off, every token shows for free whether a guess would have been right. It goes on when the rate of right
 * guesses and the measured cost of steps say that tokens come faster, and off as soon as they do not: then the engine
 * runs a step ahead again, which it cannot while the next step's tokens depend on what was guessed right.
 */
final class Speculation {
    /** Most tokens guessed at once. */
    private static final int MOST = 8;

    /** What guessing must gain to be worth it; above 1, since the estimates are noisy. */
    private static final double WORTH = 1.1;

    /** Weight of the newest guess in the rate. */
    private static final double NEWEST = 0.1;

    private final PromptLookup lookup;
    private final StepCosts costs;

    /** Chance that a token is guessed right, where there is a guess. */
    private double rate;

    private boolean on;
    private int[] standing;

    Speculation(int[] prompt, StepCosts costs) {
        this.lookup = new PromptLookup(prompt);
        this.costs = costs;
        this.standing = lookup.guess(1);
    }

    /** The answer goes on with this token. */
    void took(int token) {
        if (standing.length > 0) {
            rate += ((standing[0] == token ? 1 : 0) - rate) * NEWEST;
        }
        lookup.add(token);
        standing = lookup.guess(1);
    }

    /**
     * Tokens to verify in the next step.
     *
     * @param rows that the step has without them
     * @param room most tokens that are of use
     */
    int[] drafts(int rows, int room) {
        int best = best(rows, Math.min(MOST, room));
        return best == 0 ? new int[0] : lookup.guess(best);
    }

    /** Whether the next step had better wait for the tokens of the last, so that what follows them can be guessed. */
    boolean wants(int rows) {
        on = standing.length > 0 && best(rows, MOST) > 0;
        return on;
    }

    boolean on() {
        return on;
    }

    /** How many guesses make tokens come fastest, 0 = none. */
    private int best(int rows, int most) {
        double plain = costs.decodeNanos(rows);
        if (plain <= 0) {
            return 0;
        }
        int best = 0;
        double fastest = WORTH * rows / plain;
        double expected = 0;
        double chance = 1;
        for (int k = 1; k <= most; k++) {
            chance *= rate;
            expected += chance;
            double speed = (rows + expected) / (costs.decodeNanos(rows + k) + costs.hostNanos());
            if (speed > fastest) {
                fastest = speed;
                best = k;
            }
        }
        return best;
    }
}
