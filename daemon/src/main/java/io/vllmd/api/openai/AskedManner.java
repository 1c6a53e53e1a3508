package io.vllmd.api.openai;

import io.vllmd.config.RepetitionPolicy;
import io.vllmd.engine.Priority;
import io.vllmd.runtime.AnswerOptions;
import io.vllmd.runtime.ServingDefaults;
import org.jspecify.annotations.Nullable;

/** What a request says of how the engine should work on it; null where it says nothing. */
record AskedManner(
        @Nullable Priority priority,
        @Nullable RepetitionPolicy guard,
        @Nullable Boolean deterministic,
        @Nullable Boolean speculative) {

    static AskedManner read(Fields fields) {
        RepetitionPolicy guard = fields.choice("repetition_policy_override", RepetitionPolicy.class);
        return new AskedManner(
                priority(fields),
                guard != null ? guard : fields.choice("repetition_policy", RepetitionPolicy.class),
                fields.flagOrNull("deterministic"),
                fields.flagOrNull("speculative"));
    }

    /** OpenAI's tier for work that may take its time is our background; its others are ours to ignore. */
    private static @Nullable Priority priority(Fields fields) {
        Priority named = fields.choice("priority", Priority.class);
        String tier = fields.string("service_tier");
        return named == null && "flex".equals(tier) ? Priority.BACKGROUND : named;
    }

    boolean deterministic(ServingDefaults defaults) {
        return deterministic == null ? defaults.deterministic() : deterministic;
    }

    AnswerOptions.Manner over(ServingDefaults defaults, String cacheScope) {
        return new AnswerOptions.Manner(
                priority == null ? defaults.priority() : priority,
                guard == null ? defaults.guard() : guard,
                deterministic(defaults),
                speculative == null || speculative,
                cacheScope);
    }
}
