package io.vllmd.api.openai;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/**
 * Reads and checks the body of a chat completion. Unknown fields are ignored; known ones that this server cannot honour
 * are refused by name, never dropped.
 */
final class ChatRequestReader {
    private static final int MAX_STOPS = 16;

    private ChatRequestReader() {}

    /**
     * The request in this body.
     *
     * @param defaultMaxTokens longest answer where the request names none, null for all the room
     * @throws io.vllmd.config.ProblemException INVALID or UNSUPPORTED naming the field
     */
    static ChatRequest read(byte[] body, @Nullable Integer defaultMaxTokens) {
        var fields = new Fields(Json.readObject(body), "");
        refuseUnsupported(fields);
        String model = fields.string("model");
        var messages = MessageReader.read(fields, model == null ? "default" : model);
        boolean stream = fields.flag("stream");
        Fields streamOptions = fields.object("stream_options");
        boolean includeUsage = streamOptions != null && streamOptions.flag("include_usage");
        return new ChatRequest(
                model == null ? "default" : model,
                messages,
                templateArguments(fields),
                AskedSampling.read(fields),
                maxTokens(fields, defaultMaxTokens),
                stop(fields),
                stream,
                includeUsage);
    }

    private static int maxTokens(Fields fields, @Nullable Integer defaultMaxTokens) {
        Long old = fields.integer("max_tokens", 1, Long.MAX_VALUE);
        Long current = fields.integer("max_completion_tokens", 1, Long.MAX_VALUE);
        Long asked = current != null ? current : old;
        if (asked == null) {
            return defaultMaxTokens == null ? Integer.MAX_VALUE : defaultMaxTokens;
        }
        return (int) Math.min(asked, Integer.MAX_VALUE);
    }

    private static List<String> stop(Fields fields) {
        JsonNode node = fields.get("stop");
        if (node == null) {
            return List.of();
        }
        if (node.isString()) {
            return List.of(stopString(node, "stop"));
        }
        if (!(node instanceof ArrayNode array)) {
            throw Fields.wrongType("stop", node, "a string or an array of strings");
        }
        if (array.size() > MAX_STOPS) {
            throw fields.invalid(
                    "stop", "stop may hold %d strings; it holds %d.".formatted(MAX_STOPS, array.size()), "16 strings");
        }
        var stops = new ArrayList<String>(array.size());
        for (int i = 0; i < array.size(); i++) {
            stops.add(stopString(array.get(i), "stop[%d]".formatted(i)));
        }
        return List.copyOf(stops);
    }

    private static String stopString(JsonNode node, String path) {
        if (!node.isString() || node.stringValue().isEmpty()) {
            throw Fields.wrongType(path, node, "a string that is not empty");
        }
        return Fields.sound(node.stringValue());
    }

    private static Map<String, Object> templateArguments(Fields fields) {
        var arguments = new LinkedHashMap<String, Object>();
        Fields given = fields.object("chat_template_kwargs");
        if (given != null) {
            arguments.putAll(Fields.plainMap(given.object()));
        }
        if (fields.get("enable_thinking") != null) {
            arguments.put("enable_thinking", fields.flag("enable_thinking"));
        }
        return arguments;
    }

    private static void refuseUnsupported(Fields fields) {
        Long n = fields.integer("n", 1, 128);
        if (n != null && n > 1) {
            throw fields.unsupported(
                    "n", "n must be 1: one answer per request is what this server makes; it is " + n + ".");
        }
        neutralOnly(fields, "presence_penalty", -2, 2, 0);
        neutralOnly(fields, "frequency_penalty", -2, 2, 0);
        neutralOnly(fields, "repetition_penalty", 0, 2, 1);
        if (fields.flag("logprobs")) {
            throw fields.unsupported("logprobs", "logprobs are not supported yet; leave the field out or send false.");
        }
        Long topLogprobs = fields.integer("top_logprobs", 0, 20);
        if (topLogprobs != null && topLogprobs > 0) {
            throw fields.unsupported("top_logprobs", "top_logprobs is not supported yet; leave the field out.");
        }
        Fields bias = fields.object("logit_bias");
        if (bias != null && !bias.object().isEmpty()) {
            throw fields.unsupported("logit_bias", "logit_bias is not supported yet; leave the field out.");
        }
        refuseFormat(fields);
        refuseTools(fields);
    }

    private static void neutralOnly(Fields fields, String name, double min, double max, double neutral) {
        Double value = fields.number(name, min, max);
        if (value != null && value != neutral) {
            throw fields.unsupported(
                    name,
                    "%s is not supported yet: only %d is taken; it is %s."
                            .formatted(name, (int) neutral, fields.object().get(name)));
        }
    }

    private static void refuseFormat(Fields fields) {
        Fields format = fields.object("response_format");
        if (format == null) {
            return;
        }
        String type = format.string("type");
        if (type != null && !type.equals("text")) {
            throw fields.unsupported(
                    "response_format",
                    "response_format %s is not supported yet: only text is.".formatted(Fields.shown(type)));
        }
    }

    private static void refuseTools(Fields fields) {
        JsonNode choice = fields.get("tool_choice");
        boolean off =
                choice != null && choice.isString() && choice.stringValue().equals("none");
        for (String name : List.of("tools", "functions")) {
            ArrayNode tools = fields.array(name);
            if (tools != null && !tools.isEmpty() && !off) {
                throw fields.unsupported(
                        name,
                        "%s are not supported yet; leave the field out, or send tool_choice none.".formatted(name));
            }
        }
    }
}
