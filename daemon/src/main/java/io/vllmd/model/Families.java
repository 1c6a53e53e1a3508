package io.vllmd.model;

import io.vllmd.config.Problem;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Which model_type is read by which family. */
public final class Families {

    /** Reads a configuration into a description, or says which field's value it does not support. */
    @FunctionalInterface
    interface Family {
        Architecture read(ModelConfig config);
    }

    private static final SortedMap<String, Family> BY_MODEL_TYPE = new TreeMap<>(Map.of("qwen3", Qwen3::read));

    private Families() {}

    /** The supported values of model_type. */
    public static SortedSet<String> supported() {
        return Collections.unmodifiableSortedSet((SortedSet<String>) BY_MODEL_TYPE.keySet());
    }

    /** The description of a configuration; UNSUPPORTED, with the list of what is, for another model_type. */
    static Architecture read(ModelConfig config) {
        String modelType = config.text("model_type", "");
        if (modelType.isEmpty()) {
            throw config.missing("model_type");
        }
        @Nullable Family family = BY_MODEL_TYPE.get(modelType);
        if (family == null) {
            String list = String.join(", ", supported());
            throw Problem.of(
                            Problem.Kind.UNSUPPORTED,
                            config.where() + ": the architecture \"" + modelType + "\" is not supported; supported: "
                                    + list,
                            "model_type",
                            list)
                    .asException();
        }
        return family.read(config);
    }
}
