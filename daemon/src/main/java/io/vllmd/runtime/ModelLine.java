package io.vllmd.runtime;

import io.vllmd.engine.EngineStats;
import io.vllmd.model.LanguageModel;
import org.jspecify.annotations.Nullable;

/**
 * One line of what is loaded, on its way in or out, or could not be loaded.
 *
 * @param running what is known of it once it is loaded, else null
 * @param stage of a load, or why it failed
 * @param fraction of a load, 0 to 1
 */
public record ModelLine(
        String id,
        String source,
        @Nullable Running running,
        Phase phase,
        String stage,
        double fraction,
        boolean isDefault) {

    /** Where a model stands. */
    public enum Phase {
        LOADING,
        SERVING,
        DRAINING,
        FAILED
    }

    /**
     * A loaded model.
     *
     * @param loadedAt seconds since the epoch
     */
    public record Running(LanguageModel.Description description, EngineStats stats, long loadedAt) {}
}
