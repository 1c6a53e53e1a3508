package io.vllmd.api.openai;

import io.vllmd.config.EngineSettings.FrequencyPenalty;
import io.vllmd.engine.Sampling.Penalties;
import org.jspecify.annotations.Nullable;

/** What a request says of penalties for repeated tokens; null where it says nothing. */
record AskedPenalties(
        @Nullable Double presence,
        @Nullable Double frequency,
        @Nullable Double repetition,
        @Nullable Long window) {

    private static final int MAX_WINDOW = 1_000_000;

    /** Tokens that mlx-lm, and with it vllm-mlx, applies a repetition penalty to. */
    private static final int VLLM_MLX_WINDOW = 20;

    private static final double VLLM_MLX_LEAST = 0.01;

    static AskedPenalties read(Fields fields) {
        return new AskedPenalties(
                fields.number("presence_penalty", -2, 2),
                fields.number("frequency_penalty", -2, 2),
                fields.number("repetition_penalty", Double.MIN_VALUE, 2, "greater than 0 and at most 2"),
                fields.integer("repetition_window", 0, MAX_WINDOW));
    }

    Penalties over(Penalties defaults, FrequencyPenalty meaning) {
        double subtracted = or(frequency, defaults.frequency());
        float once = (float) or(presence, defaults.presence());
        float divisor =
                repetition == null ? defaults.repetition() : Math.max(repetition.floatValue(), Float.MIN_NORMAL);
        int newest = window == null ? defaults.window() : window.intValue();
        if (meaning == FrequencyPenalty.ADDITIVE) {
            return new Penalties(once, (float) subtracted, divisor, newest);
        }
        boolean mapped = repetition == null && (frequency != null || (subtracted != 0 && divisor == 1));
        return mapped
                ? new Penalties(
                        once,
                        0,
                        (float) Math.max(VLLM_MLX_LEAST, 1 + subtracted),
                        window == null ? VLLM_MLX_WINDOW : newest)
                : new Penalties(once, 0, divisor, newest);
    }

    private static double or(@Nullable Double asked, double otherwise) {
        return asked == null ? otherwise : asked;
    }
}
