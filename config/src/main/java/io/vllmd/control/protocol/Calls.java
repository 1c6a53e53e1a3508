package io.vllmd.control.protocol;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What is sent with a call. {@code from} throws an INVALID problem for params that are missing, wrong or unknown. */
public final class Calls {
    private Calls() {}

    /**
     * Load a model.
     *
     * @param model an id, a repository id, or a folder (absolute: the daemon has another working folder)
     * @param name the id to serve it under, or null for its own
     * @param makeDefault whether it becomes the default model
     */
    public record Load(String model, @Nullable String name, boolean makeDefault) {
        public static Load from(Map<String, Object> params) {
            var fields = new Fields(params).only("model", "name", "default");
            return new Load(fields.text("model"), fields.textOrNull("name"), fields.flag("default", false));
        }

        public Map<String, Object> params() {
            return new Tree()
                    .put("model", model)
                    .put("name", name)
                    .put("default", makeDefault)
                    .map();
        }
    }

    /**
     * Unload a model.
     *
     * @param force whether running requests are cancelled instead of awaited
     */
    public record Unload(String model, boolean force) {
        public static Unload from(Map<String, Object> params) {
            var fields = new Fields(params).only("model", "force");
            return new Unload(fields.text("model"), fields.flag("force", false));
        }

        public Map<String, Object> params() {
            return new Tree().put("model", model).put("force", force).map();
        }
    }

    /** Make a loaded model the default. */
    public record Switch(String model) {
        public static Switch from(Map<String, Object> params) {
            return new Switch(new Fields(params).only("model").text("model"));
        }

        public Map<String, Object> params() {
            return new Tree().put("model", model).map();
        }
    }

    /** Show a serving profile. */
    public record ShowProfile(String name) {
        public static ShowProfile from(Map<String, Object> params) {
            return new ShowProfile(new Fields(params).only("name").text("name"));
        }

        public Map<String, Object> params() {
            return new Tree().put("name", name).map();
        }
    }

    /**
     * Show the engine's limits after changing some of them, all or none.
     *
     * @param set setting, with or without {@code engine.}, to value as in a file of settings; empty changes nothing
     */
    public record Limits(Map<String, Object> set) {
        public static Limits from(Map<String, Object> params) {
            var fields = new Fields(params).only("set");
            return new Limits(params.containsKey("set") ? fields.object("set") : Map.of());
        }

        public Map<String, Object> params() {
            return new Tree().put("set", set).map();
        }
    }
}
