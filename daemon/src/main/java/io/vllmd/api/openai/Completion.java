package io.vllmd.api.openai;

import io.vllmd.chat.output.OutputEvent;
import io.vllmd.chat.output.ScoredToken;
import io.vllmd.runtime.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What all parts of one completion share, and the completion in one piece.
 *
 * @param id such as chatcmpl-…
 * @param created seconds since the epoch
 * @param model as the client named it
 */
record Completion(String id, long created, String model) {

    Completion(String model) {
        this("chatcmpl-" + UUID.randomUUID().toString().replace("-", ""), System.currentTimeMillis() / 1000, model);
    }

    /** One answer as its pieces put it together. */
    static final class Text {
        private final StringBuilder content = new StringBuilder();
        private final StringBuilder reasoning = new StringBuilder();
        private final List<ScoredToken> tokens = new ArrayList<>();

        void add(OutputEvent piece) {
            switch (piece) {
                case OutputEvent.Text text -> {
                    content.append(text.text());
                    tokens.addAll(text.tokens());
                }
                case OutputEvent.Reasoning thought -> reasoning.append(thought.text());
            }
        }
    }

    static String finishReason(Answer.Stop stop) {
        return switch (stop) {
            case STOP -> "stop";
            case LENGTH -> "length";
            case CANCELLED -> throw new IllegalArgumentException("a cancelled answer has no finish reason");
        };
    }

    /**
     * The whole completion as a {@code chat.completion}.
     *
     * @param texts one for each of the answers
     * @param scored writes log probabilities, null where none were asked for
     */
    byte[] whole(List<Text> texts, List<Answer> answers, @Nullable ScoredTokens scored) {
        ObjectNode root = head("chat.completion");
        ArrayNode choices = root.putArray("choices");
        for (int i = 0; i < texts.size(); i++) {
            Text text = texts.get(i);
            ObjectNode choice = choices.addObject().put("index", i);
            ObjectNode message =
                    choice.putObject("message").put("role", "assistant").put("content", text.content.toString());
            if (!text.reasoning.isEmpty()) {
                // Two names for the same: clients read the one or the other.
                message.put("reasoning_content", text.reasoning.toString()).put("reasoning", text.reasoning.toString());
            }
            message.putNull("refusal");
            if (scored == null) {
                choice.putNull("logprobs");
            } else {
                choice.set("logprobs", scored.json(text.tokens));
            }
            choice.setAll(ending(answers.get(i)));
        }
        root.set("usage", usage(answers));
        return Json.bytes(root);
    }

    /** The fields of a choice that tell why it ended. */
    static ObjectNode ending(Answer answer) {
        ObjectNode ending = Json.object().put("finish_reason", finishReason(answer.stop()));
        answer.guideStop()
                .ifPresent(
                        guide -> ending.put("stop_reason", guide.reason()).put("stop_reason_detail", guide.detail()));
        return ending;
    }

    ObjectNode head(String object) {
        return Json.object()
                .put("id", id)
                .put("object", object)
                .put("created", created)
                .put("model", model);
    }

    /**
     * The usage of a completion. The prompt counts once, however many answers there are, and what of it was cached as
     * well: it is what had to be read for the one of them that found the least.
     */
    static ObjectNode usage(List<Answer> answers) {
        int prompt = answers.getFirst().promptTokens();
        int made = answers.stream().mapToInt(Answer::completionTokens).sum();
        ObjectNode usage = Json.object()
                .put("prompt_tokens", prompt)
                .put("completion_tokens", made)
                .put("total_tokens", prompt + made);
        usage.putObject("prompt_tokens_details")
                .put(
                        "cached_tokens",
                        answers.stream().mapToInt(Answer::cachedTokens).min().orElse(0));
        usage.putObject("completion_tokens_details")
                .put(
                        "reasoning_tokens",
                        answers.stream().mapToInt(Answer::reasoningTokens).sum());
        return usage;
    }
}
