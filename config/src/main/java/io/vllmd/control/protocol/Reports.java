package io.vllmd.control.protocol;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the daemon tells of itself. {@code tree} is the result on the wire, {@code from} reads it back; members that a
 * newer daemon adds are ignored.
 */
public final class Reports {
    private Reports() {}

    /** Answer to {@link Methods#VERSION}. */
    public record Version(String version, int protocol, String mlx, long pid) {
        public Map<String, Object> tree() {
            return new Tree()
                    .put("version", version)
                    .put("protocol", protocol)
                    .put("mlx", mlx)
                    .put("pid", pid)
                    .map();
        }

        public static Version from(Map<String, Object> tree) {
            var f = new Fields(tree);
            return new Version(f.text("version"), (int) f.number("protocol"), f.text("mlx"), f.number("pid"));
        }
    }

    /**
     * Answer to {@link Methods#STATUS}.
     *
     * @param url where HTTP listens, such as http://127.0.0.1:8000
     * @param device cpu or gpu
     * @param profile name of the serving profile in use
     * @param defaultModel its id, or null where there is none
     * @param engine what it did with all models
     * @param notices what is off or not in force, each with what to do about it
     * @param degraded whether something that should work does not
     */
    public record Status(
            String version,
            int protocol,
            long pid,
            long uptimeSeconds,
            String url,
            String device,
            String profile,
            @Nullable String defaultModel,
            Memory memory,
            EngineReports.Figures engine,
            List<ModelReports.Model> models,
            List<String> notices,
            boolean degraded) {

        /** Bytes that MLX holds, keeps for reuse, and held at most. */
        public record Memory(long active, long cached, long peak) {}

        public Map<String, Object> tree() {
            return new Tree()
                    .put("version", version)
                    .put("protocol", protocol)
                    .put("pid", pid)
                    .put("uptimeSeconds", uptimeSeconds)
                    .put("url", url)
                    .put("device", device)
                    .put("profile", profile)
                    .put("defaultModel", defaultModel)
                    .put(
                            "memory",
                            new Tree()
                                    .put("active", memory.active())
                                    .put("cached", memory.cached())
                                    .put("peak", memory.peak())
                                    .map())
                    .put("engine", engine.tree())
                    .put("models", models.stream().map(ModelReports.Model::tree).toList())
                    .put("notices", notices)
                    .put("degraded", degraded)
                    .map();
        }

        public static Status from(Map<String, Object> tree) {
            var f = new Fields(tree);
            var memory = new Fields(f.object("memory"));
            return new Status(
                    f.text("version"),
                    (int) f.number("protocol"),
                    f.number("pid"),
                    f.number("uptimeSeconds"),
                    f.text("url"),
                    f.text("device"),
                    f.text("profile"),
                    f.textOrNull("defaultModel"),
                    new Memory(memory.number("active"), memory.number("cached"), memory.number("peak")),
                    EngineReports.Figures.from(new Fields(f.object("engine"))),
                    f.list("models", ModelReports.Model::from),
                    f.texts("notices"),
                    f.flag("degraded", false));
        }
    }
}
