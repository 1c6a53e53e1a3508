package io.vllmd.runtime;

import io.vllmd.control.protocol.EngineReports.Figures;
import io.vllmd.engine.EngineLimits;
import io.vllmd.engine.EngineStats;

/** The engine's counters as they are told, the one place where they are read. */
public final class EngineFigures {
    private EngineFigures() {}

    public static Figures of(EngineStats stats, EngineLimits limits) {
        return new Figures(
                stats.running(),
                stats.queued(),
                stats.steps(),
                stats.tokens(),
                stats.prefillTokens(),
                stats.cachedTokens(),
                stats.preemptions(),
                stats.guessed(),
                stats.guessedRight(),
                stats.kvBytes(),
                stats.kvEvictableBytes(),
                limits.kvMemory(),
                stats.steps() == 0 ? 0 : stats.hostNanos() / 1e6 / stats.steps());
    }
}
