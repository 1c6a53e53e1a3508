package io.vllmd.chat.guard;

import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.engine.Guidance;
import io.vllmd.engine.TokenGuide;

/**
 * Ends an answer that repeats the same run of tokens over and over. Looks at the answer only. What repeats itself on
 * purpose — rules, tables, padding, data — is told apart from words by its text, and may go on much longer.
 *
 * <p>An end carries the reason {@code repetition_detected:} and the trigger, {@code single_token_run} or
 * {@code pattern_loop_len_L} with the loop's length in tokens.
 */
public final class RepetitionGuard implements TokenGuide {
    /** What the reason of an end begins with, up to the colon before the trigger. */
    public static final String REASON = "repetition_detected";

    /** Longest loop that is looked for, in tokens: a long paragraph. */
    static final int LONGEST_PERIOD = 512;

    /** Tokens whose text shows what a loop is made of, where its period is shorter. */
    private static final int SHOWN = 16;

    private static final int NONE = -1;

    private final RepetitionMode mode;
    private final Tokenizer tokenizer;
    private final Periods periods = new Periods(LONGEST_PERIOD);

    /** Per period, tokens from which on it is looked at: the least bound, or the loop's own once its text was seen. */
    private final int[] due = new int[LONGEST_PERIOD + 1];

    /** Answer's length where a loop was found, and its period. */
    private int foundAt = NONE;

    private int found;

    public RepetitionGuard(RepetitionMode mode, Tokenizer tokenizer) {
        this.mode = mode;
        this.tokenizer = tokenizer;
        forgetLooks();
    }

    /** Loops are looked at anew: a period may be another loop's than the one that was seen. */
    private void forgetLooks() {
        for (int p = 1; p <= LONGEST_PERIOD; p++) {
            due[p] = mode.leastBound(p);
        }
    }

    @Override
    public Guidance next() {
        return foundAt == NONE ? Guidance.FREE : new Guidance.End(REASON + ":" + trigger(found));
    }

    private static String trigger(int period) {
        return period == 1 ? "single_token_run" : "pattern_loop_len_" + period;
    }

    @Override
    public boolean steers() {
        return false;
    }

    @Override
    public void accept(int token) {
        periods.add(token);
        if (foundAt != NONE) {
            return;
        }
        int shortest = 0;
        for (int i = 0; i < periods.continued(); i++) {
            int p = periods.continued(i);
            int length = periods.length(p);
            if (length == p + 1) {
                due[p] = mode.leastBound(p);
            }
            // A multiple of a period that holds for all of it is no loop of its own.
            boolean own = shortest == 0 || p % shortest != 0 || periods.length(shortest) < 2 * p;
            if (own && length >= due[p]) {
                // Its text stays the same as long as the loop goes on, so it is looked at once.
                due[p] = mode.bound(kind(p), p);
                if (length >= due[p]) {
                    foundAt = periods.size();
                    found = p;
                    return;
                }
            }
            shortest = shortest == 0 ? p : shortest;
        }
    }

    private LoopKind kind(int period) {
        return LoopKind.of(tokenizer.decode(periods.newest(Math.max(2 * period, SHOWN)), true));
    }

    @Override
    public void rollback(int tokens) {
        periods.rollback(tokens);
        forgetLooks();
        if (periods.size() < foundAt) {
            foundAt = NONE;
        }
    }
}
