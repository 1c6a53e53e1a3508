package io.vllmd.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A serving profile: how requests are served where they do not say. Not every part is in force in this version;
 * {@link #notInForce} tells which.
 *
 * @param timeout longest silence of the engine in one answer, null for {@code engine.stall-timeout}
 * @param kvBits bits of a number in the KV cache, null for the cache's own type
 */
public record Profile(
        String name,
        String description,
        boolean deterministic,
        boolean multimodal,
        @Nullable Duration timeout,
        Priority priority,
        RepetitionPolicy repetitionGuard,
        @Nullable Integer kvBits,
        SamplingDefaults sampling,
        Tools tools,
        Json json,
        Divergence divergence) {

    /** How tokens are chosen where a request does not say; null leaves it to the model's generation_config. */
    public record SamplingDefaults(
            @Nullable Double temperature,
            @Nullable Double topP,
            @Nullable Integer topK,
            @Nullable Double minP,
            Penalties penalties) {}

    /**
     * What tokens lose for having come before.
     *
     * @param presence subtracted from tokens that the answer has
     * @param frequency subtracted for each time that it has them
     * @param repetition divides the logits of tokens that prompt or answer have
     * @param window newest tokens that the repetition penalty looks at, null or 0 for all
     */
    public record Penalties(
            @Nullable Double presence,
            @Nullable Double frequency,
            @Nullable Double repetition,
            @Nullable Integer window) {}

    /** Who goes first where a request does not say. */
    public enum Priority {
        INTERACTIVE,
        BACKGROUND
    }

    /**
     * Tool calls in answers.
     *
     * @param parser name of their format, or auto
     */
    public record Tools(boolean enabled, String parser) {}

    /** Answers held to a schema. */
    public record Json(boolean constrained) {}

    /**
     * Batched answers compared with serial ones.
     *
     * @param threshold least share of equal tokens, 0 to 1
     */
    public record Divergence(boolean monitor, double threshold, Action action) {

        /** What happens below the threshold. */
        public enum Action {
            WARN,
            SERIALIZE
        }
    }

    /** A setting of a profile that this version does not act on. */
    public record NotInForce(String setting, String reason) {}

    /** What this profile asks for and this version does not do. */
    public List<NotInForce> notInForce() {
        var missing = new ArrayList<NotInForce>();
        if (deterministic) {
            missing.add(new NotInForce(
                    "deterministic",
                    "answers may differ between batches; only the sampling defaults of this profile are greedy"));
        }
        if (multimodal) {
            missing.add(
                    new NotInForce("multimodal", "images and video are not taken yet; requests with them are refused"));
        }
        if (tools.enabled()) {
            missing.add(new NotInForce("tools.enabled", "tool calls are not found in answers yet; they stay text"));
        }
        if (json.constrained()) {
            missing.add(new NotInForce("json.constrained", "answers are not held to a schema yet"));
        }
        if (divergence.monitor()) {
            missing.add(new NotInForce("divergence.monitor", "batched answers are not compared with serial ones yet"));
        }
        return List.copyOf(missing);
    }

    static Profile read(String name, Section s) {
        var sampling = s.section("sampling");
        var tools = s.section("tools");
        var divergence = s.section("divergence");
        return new Profile(
                name,
                s.text("description"),
                s.flag("deterministic"),
                s.flag("multimodal"),
                s.durationOrNone("timeout", Duration.ofSeconds(1), Duration.ofHours(24)),
                s.choice("priority", Priority.class),
                s.choice("repetition-guard", RepetitionPolicy.class),
                s.oneOfOrNone("kv-bits", List.of(4, 8)),
                new SamplingDefaults(
                        sampling.numberOrNone("temperature", 0, 2),
                        sampling.numberOrNone("top-p", Double.MIN_VALUE, 1),
                        sampling.integerOrNone("top-k", 0, 1_000_000),
                        sampling.numberOrNone("min-p", 0, 1),
                        new Penalties(
                                sampling.numberOrNone("presence-penalty", -2, 2),
                                sampling.numberOrNone("frequency-penalty", -2, 2),
                                sampling.numberOrNone("repetition-penalty", Double.MIN_VALUE, 2),
                                sampling.integerOrNone("repetition-window", 0, 1_000_000))),
                new Tools(tools.flag("enabled"), tools.text("parser")),
                new Json(s.section("json").flag("constrained")),
                new Divergence(
                        divergence.flag("monitor"),
                        divergence.number("threshold", 0, 1),
                        divergence.choice("action", Divergence.Action.class)));
    }
}
