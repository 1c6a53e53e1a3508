package io.vllmd.runtime;

import io.vllmd.config.EngineSettings;
import io.vllmd.config.LiveEngineSettings;
import io.vllmd.control.protocol.EngineReports;
import io.vllmd.engine.Engine;
import io.vllmd.engine.EngineLimits;
import io.vllmd.engine.EngineStats;
import io.vllmd.engine.memory.SystemMemory;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The engine while it runs: what it did, what its limits are, and a change of them, which the next step goes by. */
public final class EngineTuning {
    private static final Logger log = LoggerFactory.getLogger(EngineTuning.class);

    private final Engine engine;
    private final LiveEngineSettings settings;

    public EngineTuning(Engine engine, LiveEngineSettings settings) {
        this.engine = engine;
        this.settings = settings;
    }

    /** The engine's limits as these settings have them. */
    public static EngineLimits limits(EngineSettings settings) {
        return new EngineLimits(
                settings.maxBatch(),
                settings.queue(),
                settings.prefillBudget(),
                settings.prefillChunk(),
                kvMemory(settings.kvMemory()),
                settings.prefixCache(),
                settings.maxKvTokens(),
                settings.speculation());
    }

    private static long kvMemory(@Nullable Long set) {
        return set != null
                ? set
                : SystemMemory.current().map(SystemMemory::forKv).orElse(EngineLimits.DEFAULT.kvMemory());
    }

    /** What the engine did with all models. */
    public EngineReports.Figures figures() {
        return EngineFigures.of(engine.stats(), engine.limits());
    }

    /** What it did with one. */
    public EngineReports.Figures figures(EngineStats ofModel) {
        return EngineFigures.of(ofModel, engine.limits());
    }

    /** Settings without {@code engine.} and their values as text. */
    public Map<String, String> live() {
        return settings.live();
    }

    /**
     * Changes some settings, all or none. They hold until the daemon stops.
     *
     * @param changes setting, with or without {@code engine.}, to value as in a file of settings
     * @return names of those that have another value now
     * @throws io.vllmd.config.ProblemException INVALID naming every key that cannot be changed and every bad value
     */
    public List<String> change(Map<String, Object> changes) {
        List<String> changed = settings.change(changes, "vllmctl", now -> engine.limits(limits(now)));
        Map<String, String> live = settings.live();
        for (String key : changed) {
            log.info("engine.{} is {} now", key, live.get(key));
        }
        return changed;
    }
}
