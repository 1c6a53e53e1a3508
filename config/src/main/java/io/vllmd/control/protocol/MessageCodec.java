package io.vllmd.control.protocol;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Messages to lines and back. */
public final class MessageCodec {
    /** Most bytes of a line, its end included. */
    public static final int MAX_LINE = 1 << 20;

    private MessageCodec() {}

    /** The line of a message, its end included. */
    public static byte[] encode(Message message) {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("jsonrpc", "2.0");
        switch (message) {
            case Message.Request request -> {
                tree.put("id", request.id());
                call(tree, request.method(), request.params());
            }
            case Message.Notification notification -> call(tree, notification.method(), notification.params());
            case Message.Result result -> {
                tree.put("id", result.id());
                tree.put("result", result.result());
            }
            case Message.Failure failure -> {
                tree.put("id", failure.id() == null ? Json.Null.NULL : failure.id());
                var error = new LinkedHashMap<String, Object>();
                error.put("code", failure.code());
                error.put("message", failure.message());
                if (!failure.data().isEmpty()) {
                    error.put("data", failure.data());
                }
                tree.put("error", error);
            }
        }
        byte[] text = Json.write(tree);
        byte[] line = Arrays.copyOf(text, text.length + 1);
        line[text.length] = '\n';
        return line;
    }

    /**
     * The message of a line, with or without its end.
     *
     * @throws MalformedMessageException where it is none, with the answer for whoever sent it
     */
    public static Message decode(byte[] line) throws MalformedMessageException {
        Map<String, Object> tree;
        try {
            tree = Json.readObject(line);
        } catch (Json.JsonException e) {
            throw new MalformedMessageException(
                    ErrorCode.PARSE,
                    null,
                    "The line can't be read: " + e.getMessage() + ". Send one JSON object a line.");
        }
        Object id = tree.get("id");
        if (id != null && !(id instanceof String) && !(id instanceof Long)) {
            throw new MalformedMessageException(
                    ErrorCode.INVALID_REQUEST, null, "\"id\" must be a string or a whole number.");
        }
        if (!"2.0".equals(tree.get("jsonrpc"))) {
            throw invalid(id, "\"jsonrpc\" must be \"2.0\".");
        }
        if (tree.containsKey("method")) {
            if (!(tree.get("method") instanceof String method)) {
                throw invalid(id, "\"method\" must be a string.");
            }
            Map<String, Object> params = map(id, tree, "params");
            return id == null ? new Message.Notification(method, params) : new Message.Request(id, method, params);
        }
        if (tree.containsKey("error")) {
            Map<String, Object> error = map(id, tree, "error");
            if (!(error.get("code") instanceof Long code) || !(error.get("message") instanceof String message)) {
                throw invalid(id, "\"error\" must have a \"code\" and a \"message\".");
            }
            return new Message.Failure(id, code.intValue(), message, map(id, error, "data"));
        }
        if (id != null && tree.containsKey("result")) {
            return new Message.Result(id, map(id, tree, "result"));
        }
        throw invalid(id, "It is neither a call nor an answer: \"method\" is missing.");
    }

    private static void call(Map<String, Object> tree, String method, Map<String, Object> params) {
        tree.put("method", method);
        if (!params.isEmpty()) {
            tree.put("params", params);
        }
    }

    private static Map<String, Object> map(@Nullable Object id, Map<String, Object> tree, String name)
            throws MalformedMessageException {
        Object value = tree.getOrDefault(name, Map.of());
        if (!(value instanceof Map<?, ?> map)) {
            throw invalid(id, "\"" + name + "\" must be an object.");
        }
        var typed = new LinkedHashMap<String, Object>();
        map.forEach((key, member) -> typed.put((String) key, member));
        return typed;
    }

    private static MalformedMessageException invalid(@Nullable Object id, String message) {
        return new MalformedMessageException(ErrorCode.INVALID_REQUEST, id, message);
    }
}
