package io.vllmd.chat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Brings messages into the shape that templates are written for. Of 129 published templates 76 take an assistant's
 * content of null and 108 an empty string; 59 take a call's arguments as JSON text and 76 as an object; 54 take content
 * in parts.
 */
record MessageShapes(TemplateTraits traits) {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    List<Map<String, @Nullable Object>> of(List<ChatMessage> messages) {
        List<Map<String, @Nullable Object>> shaped = new ArrayList<>(messages.size());
        for (ChatMessage message : messages) {
            shaped.add(of(message));
        }
        return shaped;
    }

    private Map<String, @Nullable Object> of(ChatMessage message) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>(message.fields());
        if (message.role().equals("developer") && !traits.developer()) {
            fields.put("role", "system");
        }
        fields.values().removeIf(value -> value == null);
        if (message.role().equals("assistant")) {
            fields.putIfAbsent("content", "");
        }
        fields.computeIfPresent("content", (name, content) -> content(content));
        fields.computeIfPresent("tool_calls", (name, calls) -> toolCalls(calls));
        return fields;
    }

    private Object content(Object content) {
        if (content instanceof String text && !traits.strings()) {
            return List.of(Map.of("type", "text", "text", text));
        }
        if (content instanceof List<?> parts && !traits.parts()) {
            StringBuilder text = new StringBuilder();
            for (Object part : parts) {
                if (!(part instanceof Map<?, ?> fields)
                        || !"text".equals(fields.get("type"))
                        || !(fields.get("text") instanceof String partText)) {
                    return content;
                }
                text.append(partText);
            }
            return text.toString();
        }
        return content;
    }

    private static Object toolCalls(Object calls) {
        if (!(calls instanceof List<?> list)) {
            return calls;
        }
        List<@Nullable Object> shaped = new ArrayList<>(list.size());
        for (Object call : list) {
            shaped.add(call instanceof Map<?, ?> fields ? withArguments(fields) : call);
        }
        return shaped;
    }

    private static Map<Object, @Nullable Object> withArguments(Map<?, ?> call) {
        Map<Object, @Nullable Object> fields = new LinkedHashMap<>(call);
        fields.computeIfPresent(
                "function", (name, function) -> function instanceof Map<?, ?> f ? withArguments(f) : function);
        fields.computeIfPresent("arguments", (name, arguments) -> parsed(arguments));
        return fields;
    }

    /** The object that a text of arguments stands for; a model's broken JSON stays the text it is. */
    private static Object parsed(Object arguments) {
        if (!(arguments instanceof String text)) {
            return arguments;
        }
        try {
            Object value = MAPPER.readValue(text, Object.class);
            return value instanceof Map ? value : arguments;
        } catch (JacksonException e) {
            return arguments;
        }
    }
}
