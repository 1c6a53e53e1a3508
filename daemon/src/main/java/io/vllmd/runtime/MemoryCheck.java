package io.vllmd.runtime;

import io.vllmd.config.Problem;
import io.vllmd.engine.Engine;
import io.vllmd.engine.EngineStats;
import io.vllmd.engine.memory.MemoryEstimate;
import io.vllmd.engine.memory.SystemMemory;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.Footprint;
import io.vllmd.model.ModelLoader;
import java.util.Locale;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Whether a model fits into memory beside those that are loaded, told before any of its weights is read. */
record MemoryCheck(MlxThread mlx, Engine engine, Optional<SystemMemory> memory) {
    private static final Logger log = LoggerFactory.getLogger(MemoryCheck.class);

    /** A model that has no room for one conversation of so many tokens is of no use. */
    private static final int LEAST_TOKENS = 4096;

    /**
     * @param kvBits bits of keys and values, 0 for the model's own type
     * @throws io.vllmd.config.ProblemException UNAVAILABLE where there is not enough memory; never where nobody says how
     *     much there is
     */
    void require(String id, ModelFolder folder, Device place, int kvBits) {
        if (memory.isEmpty()) {
            return;
        }
        Footprint model = ModelLoader.footprint(folder, place);
        int rows = engine.limits().prefillChunk();
        int tokens = Math.min(model.contextLength(), LEAST_TOKENS);
        MemoryEstimate estimate =
                MemoryEstimate.of(model, new MemoryEstimate.Load(1, tokens, Math.min(rows, tokens), kvBits));
        long all = memory.get().forModels();
        long free = Math.max(0, all - held(place));
        log.info("{} takes about {} bytes of {} that are free: {}", id, estimate.total(), free, estimate);
        if (estimate.total() > free) {
            throw Problem.of(
                            Problem.Kind.UNAVAILABLE,
                            String.format(
                                    Locale.ROOT,
                                    "%s needs about %d bytes of memory (%d for weights, %d for keys and values of %d tokens,"
                                            + " %d for what steps make), but of %d bytes that models may take %d are free."
                                            + " Unload another model first, or take a smaller or more strongly quantised one.",
                                    id,
                                    estimate.total(),
                                    estimate.weights(),
                                    estimate.kv(),
                                    tokens,
                                    estimate.steps(),
                                    all,
                                    free),
                            id,
                            free + " bytes")
                    .asException();
        }
    }

    /** What is taken and would not be given up. */
    private long held(Device place) {
        EngineStats stats = engine.stats();
        // On a CPU device keys and values are not MLX's; prefixes that nobody runs on make room.
        long kv = place == Device.CPU ? stats.kvBytes() - stats.kvEvictableBytes() : 0;
        return mlx.call(Mlx::memory).active() + kv;
    }
}
