package io.vllmd.runtime;

import io.vllmd.config.Problem;
import io.vllmd.config.Profile;
import io.vllmd.engine.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * How tokens are chosen where a request does not say: what the model's makers wrote into
 * generation_config.json comes first, since it is theirs to know, then the profile, then plain sampling.
 */
final class SamplingDefaults {
    private static final JsonMapper JSON = new JsonMapper();

    private SamplingDefaults() {}

    static Sampling of(Path folder, Profile.SamplingDefaults profile) {
        JsonNode config = read(folder.resolve("generation_config.json"));
        if (config.path("do_sample").isBoolean() && !config.path("do_sample").booleanValue()) {
            return Sampling.GREEDY;
        }
        return new Sampling(
                number(config, "temperature", profile.temperature(), 1).floatValue(),
                number(config, "top_p", profile.topP(), 1).floatValue(),
                number(config, "top_k", profile.topK(), 0).intValue(),
                number(config, "min_p", profile.minP(), 0).floatValue(),
                0);
    }

    private static Number number(JsonNode config, String key, @Nullable Number profile, Number otherwise) {
        JsonNode value = config.path(key);
        if (value.isNumber()) {
            return value.numberValue();
        }
        return profile != null ? profile : otherwise;
    }

    private static JsonNode read(Path file) {
        if (!Files.isRegularFile(file)) {
            return JSON.createObjectNode();
        }
        try {
            return JSON.readTree(Files.readAllBytes(file));
        } catch (IOException | JacksonException e) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            file + " cannot be read: " + e.getMessage() + ". Repair it or delete it.",
                            file.toString())
                    .asException(e);
        }
    }
}
