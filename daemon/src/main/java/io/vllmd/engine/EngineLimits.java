package io.vllmd.engine;

import io.vllmd.config.Problem;
import java.time.Duration;

/**
 * How much the engine takes on at once. May change while requests run; what runs keeps its place.
 *
 * @param maxBatch most requests of one model in a step, 1 … 1024
 * @param queue most requests of one model that wait for a place in the batch; more are refused as busy
 * @param prefillBudget how long one step may last while answers are being made: prompts are read in chunks that fit
 * @param prefillChunk most prompt tokens in one step while answers are being made, 1 … 65536
 * @param kvMemory bytes that keys and values of all models may take, cached prefixes included
 * @param prefixCache whether what was computed for one prompt serves others that begin alike
 * @param maxKvTokens newest positions that a sequence keeps keys and values of, and the first few; 0 = all. A lossy way to
 *     bound memory
 * @param speculation whether tokens may be guessed and verified where that is measured to be faster
 */
public record EngineLimits(
        int maxBatch,
        int queue,
        Duration prefillBudget,
        int prefillChunk,
        long kvMemory,
        boolean prefixCache,
        int maxKvTokens,
        boolean speculation) {

    /** What keys and values may take where nobody says: enough for a laptop's models, not all of its memory. */
    private static final long KV_MEMORY = 4L << 30;

    public static final EngineLimits DEFAULT = new EngineLimits(16, 64, Duration.ofMillis(100), 256);

    /** All else as by default. */
    public EngineLimits(int maxBatch, int queue, Duration prefillBudget, int prefillChunk) {
        this(maxBatch, queue, prefillBudget, prefillChunk, KV_MEMORY, true, 0, true);
    }

    public EngineLimits {
        check("engine.max-batch", maxBatch, 1, 1024);
        check("engine.queue", queue, 0, 1_000_000);
        check("engine.prefill-chunk", prefillChunk, 1, 65_536);
        if (prefillBudget.isNegative() || prefillBudget.isZero() || prefillBudget.compareTo(Duration.ofHours(1)) > 0) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "engine.prefill-budget is " + prefillBudget
                                    + "; it must be more than nothing and at most an hour.",
                            "engine.prefill-budget",
                            "0 < budget <= 1h")
                    .asException();
        }
    }

    private static void check(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            name + " is " + value + "; it must lie between " + least + " and " + most + ".",
                            name,
                            least + " … " + most)
                    .asException();
        }
    }
}
