package io.vllmd.control.protocol;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the daemon answers about models. {@code tree} is the result on the wire, {@code from} reads it back; members that a
 * newer daemon adds are ignored.
 */
public final class ModelReports {
    private ModelReports() {}

    /** Where a model stands. */
    public enum State {
        LOADING,
        SERVING,
        DRAINING,
        FAILED
    }

    /**
     * A model that is loaded or being loaded.
     *
     * @param source the folder or repository that it came from
     * @param engine what the engine did with it
     * @param detail why it failed, or at which stage its loading is; else ""
     */
    public record Model(
            String id,
            State state,
            boolean isDefault,
            String source,
            String architecture,
            String quantization,
            long contextLength,
            long weightBytes,
            EngineReports.Figures engine,
            long loadedAt,
            String detail) {

        public Map<String, Object> tree() {
            return new Tree()
                    .put("id", id)
                    .put("state", state.name().toLowerCase(Locale.ROOT))
                    .put("default", isDefault)
                    .put("source", source)
                    .put("architecture", architecture)
                    .put("quantization", quantization)
                    .put("contextLength", contextLength)
                    .put("weightBytes", weightBytes)
                    .put("cacheBytes", engine.kvBytes())
                    .put("running", engine.running())
                    .put("queued", engine.queued())
                    .put("engine", engine.tree())
                    .put("loadedAt", loadedAt)
                    .put("detail", detail)
                    .map();
        }

        static Model from(Fields f) {
            return new Model(
                    f.text("id"),
                    State.valueOf(f.text("state").toUpperCase(Locale.ROOT)),
                    f.flag("default", false),
                    f.text("source"),
                    f.text("architecture"),
                    f.text("quantization"),
                    f.number("contextLength"),
                    f.number("weightBytes"),
                    EngineReports.Figures.from(new Fields(f.object("engine"))),
                    f.number("loadedAt"),
                    f.text("detail"));
        }
    }

    /** Answer to {@link Methods#PS}. */
    public record Models(List<Model> models) {
        public Map<String, Object> tree() {
            return new Tree()
                    .put("models", models.stream().map(Model::tree).toList())
                    .map();
        }

        public static Models from(Map<String, Object> tree) {
            return new Models(new Fields(tree).list("models", Model::from));
        }
    }

    /** Answer to {@link Methods#MODELS}. */
    public record Served(List<ServedModel> models) {

        /** A model that a client can name, by its id or one of its aliases. */
        public record ServedModel(String id, boolean isDefault, List<String> aliases, long contextLength) {}

        public Map<String, Object> tree() {
            return new Tree()
                    .put(
                            "models",
                            models.stream()
                                    .map(m -> new Tree()
                                            .put("id", m.id())
                                            .put("default", m.isDefault())
                                            .put("aliases", m.aliases())
                                            .put("contextLength", m.contextLength())
                                            .map())
                                    .toList())
                    .map();
        }

        public static Served from(Map<String, Object> tree) {
            return new Served(new Fields(tree)
                    .list(
                            "models",
                            f -> new ServedModel(
                                    f.text("id"),
                                    f.flag("default", false),
                                    f.texts("aliases"),
                                    f.number("contextLength"))));
        }
    }

    /**
     * Answer to {@link Methods#LOAD}: the model serves.
     *
     * @param already whether it was loaded before
     */
    public record Loaded(String model, boolean isDefault, boolean already, double seconds) {
        public Map<String, Object> tree() {
            return new Tree()
                    .put("model", model)
                    .put("default", isDefault)
                    .put("already", already)
                    .put("seconds", seconds)
                    .map();
        }

        public static Loaded from(Map<String, Object> tree) {
            var f = new Fields(tree);
            return new Loaded(
                    f.text("model"), f.flag("default", false), f.flag("already", false), f.fraction("seconds"));
        }
    }

    /**
     * While a model loads.
     *
     * @param stage what is done now, such as "reading weights"
     * @param fraction of the whole, 0 to 1
     */
    public record LoadProgress(String model, String stage, double fraction) {
        public Map<String, Object> tree() {
            return new Tree()
                    .put("model", model)
                    .put("stage", stage)
                    .put("fraction", fraction)
                    .map();
        }

        public static LoadProgress from(Map<String, Object> tree) {
            var f = new Fields(tree);
            return new LoadProgress(f.text("model"), f.text("stage"), f.fraction("fraction"));
        }
    }

    /**
     * Answer to {@link Methods#UNLOAD}.
     *
     * @param cancelled requests that did not finish in time
     * @param wasDefault whether it was the default model; there is none now
     */
    public record Unloaded(String model, int cancelled, boolean wasDefault) {
        public Map<String, Object> tree() {
            return new Tree()
                    .put("model", model)
                    .put("cancelled", cancelled)
                    .put("wasDefault", wasDefault)
                    .map();
        }

        public static Unloaded from(Map<String, Object> tree) {
            var f = new Fields(tree);
            return new Unloaded(f.text("model"), (int) f.number("cancelled"), f.flag("wasDefault", false));
        }
    }

    /**
     * Answer to {@link Methods#SWITCH}: applies from the next request on.
     *
     * @param previous the default model before, or null where there was none
     */
    public record Switched(String model, @Nullable String previous) {
        public Map<String, Object> tree() {
            return new Tree().put("model", model).put("previous", previous).map();
        }

        public static Switched from(Map<String, Object> tree) {
            var f = new Fields(tree);
            return new Switched(f.text("model"), f.textOrNull("previous"));
        }
    }
}
