package io.vllmd.config;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The section {@code engine}.
 *
 * @param threads threads on a CPU device, 0 for one per core
 * @param defaultMaxTokens longest answer where a request names none, null for all the room
 */
public record EngineSettings(
        Device device,
        int threads,
        int maxBatch,
        int queue,
        Duration prefillBudget,
        int prefillChunk,
        @Nullable Integer defaultMaxTokens) {

    /** Where models run. */
    public enum Device {
        /** A GPU where there is one. */
        AUTO,
        CPU,
        GPU
    }

    static EngineSettings read(Section s) {
        return new EngineSettings(
                s.choice("device", Device.class),
                s.integer("threads", 0, 1024),
                s.integer("max-batch", 1, 512),
                s.integer("queue", 0, 65536),
                s.duration("prefill-budget", Duration.ofMillis(1), Duration.ofSeconds(60)),
                s.integer("prefill-chunk", 1, 65536),
                s.integerOrNone("default-max-tokens", 1, 10_000_000));
    }
}
