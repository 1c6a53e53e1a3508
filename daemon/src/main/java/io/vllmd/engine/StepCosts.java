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
            decodeNanos += (nanos - decodeNanos) * (nanos > decodeNanos ? SLOWER : FASTER);
            return;
        }
        // A quarter of the step at least belongs to the prompt, lest a noisy decode estimate explode the rate.
        double prompt = Math.max(nanos - (decoding ? decodeNanos : 0), nanos / 4.0);
        double seen = promptTokens * 1e9 / prompt;
        rate += (seen - rate) * (seen < rate ? SLOWER : FASTER);
    }
}
