package io.vllmd.engine;

/** Decides how many prompt tokens the next step reads, and of which prompts. */
final class PrefillPlanner {
    /** Aims at this part of the budget: the estimate is an average, and later chunks of a prompt are slower. */
    private static final double AIM = 0.7;

    /** A prompt always gets this share of the budget, however long decoding alone takes: it must end some day. */
    private static final double LEAST_SHARE = 0.25;

    /** Without answers to disturb, a chunk may be this many times the cap where the budget allows it. */
    private static final int ALONE = 4;

    private PrefillPlanner() {}

    /**
     * Prompt tokens of the next step.
     *
     * @param decoding whether any lane makes answers that a long step would hold up
     * @param decodesHere whether this step has decode rows itself
     * @param lanes lanes that take turns; each gets its part of the budget, as a gap spans a turn of them all
     */
    static int tokens(EngineLimits limits, StepCosts costs, boolean decoding, boolean decodesHere, int lanes) {
        double budget = limits.prefillBudget().toNanos() / (double) Math.max(1, lanes);
        double decode = decodesHere ? costs.decodeNanos() : 0;
        double room = Math.max(AIM * budget - decode, budget * LEAST_SHARE);
        int fitting = (int) Math.min(Integer.MAX_VALUE, costs.prefillRate() * room / 1e9);
        int chunk = limits.prefillChunk();
        return decoding ? Math.clamp(fitting, 1, chunk) : Math.clamp(fitting, chunk, ALONE * chunk);
    }

    /**
     * Shares tokens among prompts, oldest first: half goes to the oldest, so that none starves; the rest to those with
     * the least left, so that a short prompt need not wait for a long one; what these leave to the oldest again.
     *
     * @param remaining unread tokens of each prompt, oldest first
     * @return tokens of each prompt to read, together at most {@code tokens}
     */
    static int[] share(int[] remaining, int tokens) {
        int[] shares = new int[remaining.length];
        if (remaining.length == 0) {
            return shares;
        }
        int left = tokens;
        shares[0] = Math.min(remaining[0], (left + 1) / 2);
        left -= shares[0];
        while (left > 0) {
            int shortest = -1;
            for (int i = 1; i < remaining.length; i++) {
                if (shares[i] == 0 && (shortest < 0 || remaining[i] < remaining[shortest])) {
                    shortest = i;
                }
            }
            if (shortest < 0) {
                break;
            }
            shares[shortest] = Math.min(remaining[shortest], left);
            left -= shares[shortest];
        }
        shares[0] += Math.min(remaining[0] - shares[0], left);
        return shares;
    }
}
