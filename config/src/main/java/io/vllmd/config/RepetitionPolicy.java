package io.vllmd.config;

/** How eagerly an answer that only repeats itself is ended. */
public enum RepetitionPolicy {
    OFF,
    /** Only where nothing but repetition can be seen. */
    SAFE,
    /** Sooner, and for longer patterns. */
    STRICT
}
