package io.vllmd.api.openai;

import io.vllmd.chat.ChatMessage;
import io.vllmd.config.Problem;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Reads the conversation of a request into the shape that chat templates read. */
final class MessageReader {
    private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant", "tool");

    private MessageReader() {}

    /**
     * The messages of this request.
     *
     * @param model named where a message holds what this model does not take
     */
    static List<ChatMessage> read(Fields request, String model) {
        ArrayNode array = request.array(OpenAiErrors.MESSAGES);
        if (array == null || array.isEmpty()) {
            throw request.invalid(
                    OpenAiErrors.MESSAGES,
                    "messages must hold at least one message; it is %s.".formatted(array == null ? "missing" : "empty"),
                    null);
        }
        var messages = new ArrayList<ChatMessage>(array.size());
        for (int i = 0; i < array.size(); i++) {
            String path = "messages[%d]".formatted(i);
            if (!(array.get(i) instanceof ObjectNode object)) {
                throw Fields.wrongType(path, array.get(i), "an object");
            }
            messages.add(message(new Fields(object, path), model));
        }
        return List.copyOf(messages);
    }

    private static ChatMessage message(Fields message, String model) {
        String role = message.string("role");
        if (role == null || !ROLES.contains(role)) {
            String got = role == null ? "missing" : Fields.shown(role);
            throw message.invalid(
                    "role",
                    "%s must be system, developer, user, assistant or tool; it is %s."
                            .formatted(message.pathOf("role"), got),
                    null);
        }
        var fields = new LinkedHashMap<String, Object>();
        // Templates know "system" alone; OpenAI's newer name means the same.
        fields.put("role", role.equals("developer") ? "system" : role);
        fields.put("content", content(message, role, model));
        copyString(message, "name", fields);
        if (role.equals("tool")) {
            copyString(message, "tool_call_id", fields);
        }
        if (role.equals("assistant")) {
            ArrayNode calls = message.array("tool_calls");
            if (calls != null && !calls.isEmpty()) {
                fields.put("tool_calls", Fields.plainList(calls));
            }
            String reasoning = message.string("reasoning_content");
            String thought = reasoning != null ? reasoning : message.string("reasoning");
            if (thought != null) {
                fields.put("reasoning_content", thought);
            }
        }
        return new ChatMessage(fields);
    }

    private static void copyString(Fields message, String name, Map<String, Object> into) {
        String value = message.string(name);
        if (value != null) {
            into.put(name, value);
        }
    }

    private static String content(Fields message, String role, String model) {
        JsonNode node = message.get("content");
        if (node == null) {
            if (role.equals("assistant")) {
                return "";
            }
            throw message.invalid(
                    "content",
                    "%s must be a string or an array of text parts; it is missing."
                            .formatted(message.pathOf("content")),
                    null);
        }
        if (node.isString()) {
            return Fields.sound(node.stringValue());
        }
        if (!(node instanceof ArrayNode parts)) {
            throw Fields.wrongType(message.pathOf("content"), node, "a string or an array of text parts");
        }
        var text = new StringBuilder();
        for (int i = 0; i < parts.size(); i++) {
            if (i > 0) {
                text.append('\n');
            }
            text.append(part(parts.get(i), "%s[%d]".formatted(message.pathOf("content"), i), model));
        }
        return text.toString();
    }

    private static String part(JsonNode node, String path, String model) {
        if (!(node instanceof ObjectNode object)) {
            throw Fields.wrongType(path, node, "an object such as {\"type\": \"text\", \"text\": …}");
        }
        var part = new Fields(object, path);
        String type = part.string("type");
        @Nullable
        String text = switch (type) {
            case "text", "input_text", "output_text" -> part.string("text");
            case "refusal" -> part.string("refusal");
            case null -> throw part.invalid("type", "%s is missing.".formatted(part.pathOf("type")), null);
            default ->
                throw Problem.of(
                                Problem.Kind.UNSUPPORTED,
                                "%s is of type %s; the model %s takes text only."
                                        .formatted(path, Fields.shown(type), Fields.shown(model)),
                                path)
                        .asException();
        };
        if (text == null) {
            throw part.invalid("text", "%s is missing.".formatted(part.pathOf("text")), null);
        }
        return text;
    }
}
