package io.vllmd.engine;

/**
 * What a step costs on this machine with this model, learnt from the steps themselves. Slower news counts more than
 * faster news: an estimate too low delays a prompt a little, one too high makes every stream stutter.
 */
final class StepCosts {
    /** Prompt tokens a second before anything was measured: low, so that the first chunk is small. */
    static final double FIRST_RATE = 200;

    private static final double FASTER = 0.25;
    private static final double SLOWER = 0.6;

    private double rate = FIRST_RATE;
    private double decodeNanos;

    /** Prompt tokens a second. */
    double prefillRate() {
        return rate;
    }

    /** Estimated time of a step that only decodes. */
    double decodeNanos() {
        return decodeNanos;
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
