package io.vllmd.engine;

/**
 * What a step costs on this machine with this model, learnt from the steps themselves. Slower news counts more than
 * faster news: an estimate too low delays a prompt a little, one too high makes every stream stutter.
 */
final class StepCosts {
    /** Prompt tokens a second before anything was measured: low, so that the first chunk is small. */
    static final double FIRST_RATE = 200;

    /** Wider steps cost as this wide ones and in proportion more. */
    private static final int MOST_ROWS = 128;

    /** What a row more costs where nobody has measured it: little, so that somebody tries. */
    private static final double NEXT_ROW = 0.05;

    private static final double FASTER = 0.25;
    private static final double SLOWER = 0.6;

    private double rate = FIRST_RATE;
    private double decodeNanos;
    private double hostNanos;

    /** Time of a step that only decodes, by its rows; 0 = never seen. */
    private final double[] byRows = new double[MOST_ROWS + 1];

    /** Prompt tokens a second. */
    double prefillRate() {
        return rate;
    }

    /** Estimated time of a step that only decodes. */
    double decodeNanos() {
        return decodeNanos;
    }

    /** Estimated time of a step of so many rows that only decodes; 0 where none was ever measured. */
    double decodeNanos(int rows) {
        int wanted = Math.min(rows, MOST_ROWS);
        int known = wanted;
        while (known > 0 && byRows[known] == 0) {
            known--;
        }
        return known == 0 ? 0 : byRows[known] * (1 + NEXT_ROW * (rows - known));
    }

    /** Estimated time between two steps that the device has nothing to do, where one waits for the other's tokens. */
    double hostNanos() {
        return hostNanos;
    }

    /** Takes in the time that a turn took beside waiting for the device. */
    void measuredHost(long nanos) {
        hostNanos += (nanos - hostNanos) * FASTER;
    }

    /** Takes in a step of so many rows that only decoded. */
    void measuredRows(int rows, long nanos) {
        if (nanos > 0 && rows <= MOST_ROWS) {
            byRows[rows] += byRows[rows] == 0 ? nanos : (nanos - byRows[rows]) * FASTER;
        }
    }

    /** Estimated time of a step with so many prompt tokens. */
    double nanos(int promptTokens, boolean decoding) {
        return (decoding ? decodeNanos : 0) + promptTokens * 1e9 / rate;
    }

    /** Takes in one measured step. */
    void measured(int promptTokens, boolean decoding, long nanos) {
        if (nanos <= 0) {
            return;
        }
        if (promptTokens == 0) {
            decodeNanos += decodeNanos == 0 ? nanos : (nanos - decodeNanos) * FASTER;
            return;
        }
        // While a prompt is read no step only decodes, so that estimate is an old one, perhaps of a larger batch: it
        // explains a quarter of the step at most, lest the rate look higher than it is.
        double prompt = nanos - (decoding ? Math.min(decodeNanos, nanos / 4.0) : 0);
        double seen = promptTokens * 1e9 / prompt;
        rate += (seen - rate) * (seen < rate ? SLOWER : FASTER);
    }
}
