package io.vllmd.api.openai;

import io.vllmd.chat.ChatMessage;
import java.util.List;
import java.util.Map;

/**
 * A chat completion request that was found sound.
 *
 * @param model as the client named it
 * @param templateArguments further variables for the chat template
 * @param maxTokens most tokens of the answer, {@link Integer#MAX_VALUE} for all the room there is
 * @param includeUsage whether a stream ends with a chunk of usage
 */
record ChatRequest(
        String model,
        List<ChatMessage> messages,
        Map<String, Object> templateArguments,
        AskedSampling sampling,
        int maxTokens,
        List<String> stop,
        boolean stream,
        boolean includeUsage) {}
