package io.vllmd.api.openai;

import io.vllmd.runtime.Answer;
import java.util.UUID;
import tools.jackson.databind.node.ObjectNode;

/**
 * What all parts of one answer share, and the answer in one piece.
 *
 * @param id such as chatcmpl-…
 * @param created seconds since the epoch
 * @param model as the client named it
 */
record Completion(String id, long created, String model) {

    Completion(String model) {
        this("chatcmpl-" + UUID.randomUUID().toString().replace("-", ""), System.currentTimeMillis() / 1000, model);
    }

    static String finishReason(Answer.Stop stop) {
        return switch (stop) {
            case STOP -> "stop";
            case LENGTH -> "length";
            case CANCELLED -> throw new IllegalArgumentException("a cancelled answer has no finish reason");
        };
    }

    /** The whole answer as a {@code chat.completion}. */
    byte[] whole(String text, String reasoning, Answer answer) {
        ObjectNode root = head("chat.completion");
        ObjectNode choice = root.putArray("choices").addObject().put("index", 0);
        ObjectNode message =
                choice.putObject("message").put("role", "assistant").put("content", text);
        if (!reasoning.isEmpty()) {
            // Two names for the same: clients read the one or the other.
            message.put("reasoning_content", reasoning).put("reasoning", reasoning);
        }
        message.putNull("refusal");
        choice.putNull("logprobs").put("finish_reason", finishReason(answer.stop()));
        root.set("usage", usage(answer));
        return Json.bytes(root);
    }

    ObjectNode head(String object) {
        return Json.object()
                .put("id", id)
                .put("object", object)
                .put("created", created)
                .put("model", model);
    }

    static ObjectNode usage(Answer answer) {
        ObjectNode usage = Json.object()
                .put("prompt_tokens", answer.promptTokens())
                .put("completion_tokens", answer.completionTokens())
                .put("total_tokens", answer.promptTokens() + answer.completionTokens());
        usage.putObject("prompt_tokens_details").put("cached_tokens", 0);
        usage.putObject("completion_tokens_details").put("reasoning_tokens", answer.reasoningTokens());
        return usage;
    }
}
