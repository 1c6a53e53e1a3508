package io.vllmd.runtime;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which loaded model a name means. Strict: byte-equal ids only, no alias. Else also "default" (and no name at
 * all), the aliases of the settings, an id in other letter case, and an id without its organisation.
 */
record ModelNames(boolean strict, Map<String, String> aliases) {

    static final String DEFAULT = "default";

    LoadedModel find(String name, Map<String, LoadedModel> serving, @Nullable String defaultId) {
        LoadedModel model = serving.get(name);
        if (model != null) {
            return model;
        }
        if (!strict) {
            String alias = aliases.getOrDefault(name, name);
            if (alias.isEmpty() || alias.equals(DEFAULT)) {
                return defaultOf(serving, defaultId);
            }
            for (LoadedModel candidate : serving.values()) {
                String id = candidate.id();
                if (id.equalsIgnoreCase(alias)
                        || id.substring(id.lastIndexOf('/') + 1).equalsIgnoreCase(alias)) {
                    return candidate;
                }
            }
        }
        throw notFound(name, serving);
    }

    /** The model that an operator names: by its id, or "default". */
    LoadedModel exact(String name, Map<String, LoadedModel> serving, @Nullable String defaultId) {
        LoadedModel model = serving.get(name);
        if (model != null) {
            return model;
        }
        if (name.equals(DEFAULT)) {
            return defaultOf(serving, defaultId);
        }
        throw notFound(name, serving);
    }

    private static LoadedModel defaultOf(Map<String, LoadedModel> serving, @Nullable String defaultId) {
        LoadedModel model = defaultId == null ? null : serving.get(defaultId);
        if (model == null) {
            throw Problem.of(
                            Problem.Kind.UNAVAILABLE,
                            defaultId != null
                                    ? "The default model '" + defaultId
                                            + "' is not loaded (yet); `vllmctl ps` tells why."
                                            + " Load it again with `vllmctl load`, or choose another with `vllmctl switch`."
                                    : serving.isEmpty()
                                            ? "No model is loaded. Load one with `vllmctl load MODEL`."
                                            : "No default model is set. Choose one with `vllmctl switch MODEL` (loaded: "
                                                    + String.join(", ", serving.keySet())
                                                    + "), or load another with `vllmctl load MODEL`.",
                            DEFAULT)
                    .asException();
        }
        return model;
    }

    private static ProblemException notFound(String name, Map<String, LoadedModel> serving) {
        return Problem.of(
                        Problem.Kind.NOT_FOUND,
                        "The model '" + name + "' does not exist or is not loaded. "
                                + (serving.isEmpty()
                                        ? "No model is loaded; load one with `vllmctl load MODEL`."
                                        : "Loaded: " + String.join(", ", serving.keySet()) + "."),
                        name)
                .asException();
    }
}
