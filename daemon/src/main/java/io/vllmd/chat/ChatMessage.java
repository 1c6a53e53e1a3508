package io.vllmd.chat;

import java.util.Map;

/**
 * One message of a conversation in the shape that chat templates read: role, content and whatever else the
 * wire format gave (tool_calls, tool_call_id, name, reasoning_content), as plain maps, lists, strings,
 * numbers, booleans and nulls.
 */
public record ChatMessage(Map<String, Object> fields) {

    public static ChatMessage of(String role, String content) {
        return new ChatMessage(Map.of("role", role, "content", content));
    }

    public String role() {
        return String.valueOf(fields.get("role"));
    }
}
