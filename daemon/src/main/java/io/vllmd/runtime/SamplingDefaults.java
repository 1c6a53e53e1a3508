package io.vllmd.runtime;

import io.vllmd.config.Problem;
import io.vllmd.config.Profile;
import io.vllmd.config.Reasons;
import io.vllmd.engine.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
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
    private static final int MAX_TOP_K = 1_000_000;

    private SamplingDefaults() {}

    static Sampling of(Path folder, Profile.SamplingDefaults profile) {
        Path file = folder.resolve("generation_config.json");
        JsonNode config = read(file);
        Sampling.Penalties penalties = penalties(file, config, profile.penalties());
        if (config.path("do_sample").isBoolean() && !config.path("do_sample").booleanValue()) {
            return new Sampling(0, 1, 0, 0, 0, penalties, Map.of());
        }
        return new Sampling(
                inside(file, config, "temperature", 0, 2, profile.temperature(), 1)
                        .floatValue(),
                // As a float the smallest of doubles is 0, which would leave no token to choose.
                inside(file, config, "top_p", Float.MIN_NORMAL, 1, profile.topP(), 1)
                        .floatValue(),
                // Some write -1 for all.
                Math.max(
                        0,
                        inside(file, config, "top_k", -1, MAX_TOP_K, profile.topK(), 0)
                                .intValue()),
                inside(file, config, "min_p", 0, 1, profile.minP(), 0).floatValue(),
                0,
                penalties,
                Map.of());
    }

    /** The file knows of the repetition penalty alone. */
    private static Sampling.Penalties penalties(Path file, JsonNode config, Profile.Penalties profile) {
        return new Sampling.Penalties(
                or(profile.presence(), 0).floatValue(),
                or(profile.frequency(), 0).floatValue(),
                inside(file, config, "repetition_penalty", Float.MIN_NORMAL, 2, profile.repetition(), 1)
                        .floatValue(),
                or(profile.window(), 0).intValue());
    }

    private static Number or(@Nullable Number value, Number otherwise) {
        return value != null ? value : otherwise;
    }

    /** A value that no client chose must not come back to each of them as an error of theirs. */
    private static Number inside(
            Path file,
            JsonNode config,
            String key,
            double min,
            double max,
            @Nullable Number profile,
            Number otherwise) {
        JsonNode value = config.path(key);
        if (!value.isNumber()) {
            return or(profile, otherwise);
        }
        double number = value.doubleValue();
        if (!(number >= min && number <= max)) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "%s: %s is %s; it must be %s to %s. Correct the file or delete it."
                                    .formatted(file, key, value, shown(min), shown(max)),
                            file.toString())
                    .asException();
        }
        return value.numberValue();
    }

    private static String shown(double bound) {
        return bound == Float.MIN_NORMAL ? "above 0" : Long.toString((long) bound);
    }

    private static JsonNode read(Path file) {
        if (!Files.isRegularFile(file)) {
            return JSON.createObjectNode();
        }
        try {
            return JSON.readTree(Files.readAllBytes(file));
        } catch (IOException | JacksonException e) {
            String reason = e instanceof JacksonException words
                    ? Reasons.ofParser(words.getOriginalMessage())
                    : Reasons.of((IOException) e);
            throw Problem.of(
                            Problem.Kind.INVALID,
                            file + " cannot be read: " + reason + ". Repair it or delete it.",
                            file.toString())
                    .asException(e);
        }
    }
}
