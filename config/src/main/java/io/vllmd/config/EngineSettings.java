package io.vllmd.config;

import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The section {@code engine}.
 *
 * @param threads threads on a CPU device, 0 for one per core
 * @param kvMemory bytes that keys and values of all models may take, cached prefixes included;
 *     null for a part of the memory that there is
 * @param maxKvTokens newest tokens that an answer keeps keys and values of, 0 for all
 * @param diskCache bytes that keys and values may take on disk, 0 for none
 * @param defaultMaxTokens longest answer where a request names none, null for all the room
 * @param stallTimeout longest silence of the engine on a request that it admitted, null for no bound
 */
public record EngineSettings(
        Device device,
        int threads,
        CpuMath cpuMath,
        int maxBatch,
        int queue,
        Duration prefillBudget,
        int prefillChunk,
        @Nullable Long kvMemory,
        boolean prefixCache,
        int maxKvTokens,
        boolean speculation,
        long diskCache,
        @Nullable Integer defaultMaxTokens,
        @Nullable Duration stallTimeout,
        FrequencyPenalty frequencyPenalty,
        CacheIsolation cacheIsolation) {

    /** Keys of this section that may change while the daemon runs; the others are read at start. */
    static final Set<String> LIVE = Set.of(
            "max-batch",
            "queue",
            "prefill-budget",
            "prefill-chunk",
            "kv-memory",
            "prefix-cache",
            "max-kv-tokens",
            "speculation",
            "default-max-tokens",
            "stall-timeout",
            "frequency-penalty",
            "cache-isolation");

    /** Where models run. */
    public enum Device {
        /** A GPU where there is one. */
        AUTO,
        CPU,
        GPU
    }

    /** How a CPU device multiplies by quantised weights. */
    public enum CpuMath {
        /** Fast where the processor gains by it. */
        AUTO,
        /** In float32. */
        EXACT,
        /** With activations rounded to 16-bit integers, a scale for every 32 to 128 of them. */
        FAST
    }

    /** What a request's frequency_penalty does. */
    public enum FrequencyPenalty {
        /** OpenAI's meaning: subtracted for each time that a token stands in the answer. */
        ADDITIVE,
        /** vllm-mlx's meaning: one more than it is a repetition penalty, over the last 20 tokens. */
        REPETITION
    }

    /** Whose requests share what was computed for a prompt. */
    public enum CacheIsolation {
        /** Everybody's. */
        NONE,
        /** Those with the same API key. */
        API_KEY
    }

    static EngineSettings read(Section s) {
        return new EngineSettings(
                s.choice("device", Device.class),
                s.integer("threads", 0, 1024),
                s.choice("cpu-math", CpuMath.class),
                s.integer("max-batch", 1, 512),
                s.integer("queue", 0, 65536),
                s.duration("prefill-budget", Duration.ofMillis(1), Duration.ofSeconds(60)),
                s.integer("prefill-chunk", 1, 65536),
                s.bytesOrAuto("kv-memory", 1L << 20, 1L << 44),
                s.flag("prefix-cache"),
                s.integer("max-kv-tokens", 0, 100_000_000),
                s.flag("speculation"),
                s.bytes("disk-cache", 0, 1L << 50),
                s.integerOrNone("default-max-tokens", 1, 10_000_000),
                s.durationOrNone("stall-timeout", Duration.ofSeconds(1), Duration.ofHours(24)),
                s.choice("frequency-penalty", FrequencyPenalty.class),
                s.choice("cache-isolation", CacheIsolation.class));
    }
}
