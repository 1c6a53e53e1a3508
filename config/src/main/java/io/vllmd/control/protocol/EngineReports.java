package io.vllmd.control.protocol;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the daemon answers about its engine. */
public final class EngineReports {
    private EngineReports() {}

    /**
     * Answer to {@link Methods#LIMITS}.
     *
     * @param limits setting without {@code engine.} to value as it would stand in a file of settings
     * @param changed those that this call changed
     */
    public record Limits(Map<String, String> limits, List<String> changed) {
        public Map<String, Object> tree() {
            return new Tree().put("limits", limits).put("changed", changed).map();
        }

        public static Limits from(Map<String, Object> tree) {
            var f = new Fields(tree);
            var limits = new LinkedHashMap<String, String>();
            f.object("limits").forEach((key, value) -> limits.put(key, String.valueOf(value)));
            return new Limits(limits, f.texts("changed"));
        }
    }
}
