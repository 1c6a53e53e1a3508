package io.vllmd.api.openai;

import io.vllmd.chat.ChatMessage;
import io.vllmd.config.EngineSettings.FrequencyPenalty;
import io.vllmd.runtime.AnswerOptions;
import io.vllmd.runtime.ServingDefaults;
import java.util.List;
import java.util.Map;

/**
 * A chat completion request that was found sound.
 *
 * @param model as the client named it
 * @param templateArguments further variables for the chat template
 * @param ending whose maxTokens is {@link Integer#MAX_VALUE} for all the room there is
 * @param choices how many answers are wanted
 * @param logprobs −1: none are wanted; else those of each token and of so many of the likeliest
 * @param includeUsage whether a stream ends with a chunk of usage
 */
record ChatRequest(
        String model,
        List<ChatMessage> messages,
        Map<String, Object> templateArguments,
        AskedSampling sampling,
        AskedManner manner,
        AnswerOptions.Ending ending,
        int choices,
        int logprobs,
        boolean stream,
        boolean includeUsage) {

    /** What is asked of the first answer; of the others see {@link AnswerOptions#choice}. */
    AnswerOptions options(String requestId, ServingDefaults defaults, FrequencyPenalty meaning, String cacheScope) {
        return new AnswerOptions(
                requestId,
                sampling.over(defaults.sampling(), meaning, manner.deterministic(defaults)),
                ending,
                logprobs,
                manner.over(defaults, cacheScope));
    }
}
