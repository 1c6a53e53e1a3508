package io.vllmd.api.openai;

import io.vllmd.runtime.AnswerOptions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/**
 * Reads and checks the body of a chat completion. Unknown fields are ignored; known ones that this server cannot honour
 * are refused by name, never dropped.
 */
final class ChatRequestReader {
    private static final int MAX_STOPS = 16;
    private static final int MAX_STOP_TOKENS = 256;
    private static final int MAX_CHOICES = 16;
    private static final int MAX_TOP_LOGPROBS = 20;

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
        Long choices = fields.integer("n", 1, MAX_CHOICES);
        return new ChatRequest(
                model == null ? "default" : model,
                messages,
                templateArguments(fields),
                AskedSampling.read(fields),
                AskedManner.read(fields),
                ending(fields, defaultMaxTokens),
                choices == null ? 1 : choices.intValue(),
                logprobs(fields),
                stream,
                includeUsage);
    }

    private static AnswerOptions.Ending ending(Fields fields, @Nullable Integer defaultMaxTokens) {
        int most = maxTokens(fields, defaultMaxTokens);
        Long least = fields.integer("min_tokens", 0, Integer.MAX_VALUE);
        if (least != null && least > most) {
            throw fields.invalid(
                    "min_tokens",
                    "min_tokens is %d, which is more than the %d tokens that the answer may have."
                            .formatted(least, most),
                    "at most " + most);
        }
        return new AnswerOptions.Ending(
                most,
                least == null ? 0 : least.intValue(),
                stop(fields),
                stopTokens(fields),
                fields.flag("ignore_eos"));
    }

    private static int logprobs(Fields fields) {
        boolean wanted = fields.flag("logprobs");
        Long top = fields.integer("top_logprobs", 0, MAX_TOP_LOGPROBS);
        if (!wanted && top != null && top > 0) {
            throw fields.invalid(
                    "top_logprobs", "top_logprobs is %d; it takes logprobs true beside it.".formatted(top), null);
        }
        return !wanted ? -1 : top == null ? 0 : top.intValue();
    }

    private static Set<Integer> stopTokens(Fields fields) {
        ArrayNode given = fields.array("stop_token_ids");
        if (given == null) {
            return Set.of();
        }
        if (given.size() > MAX_STOP_TOKENS) {
            throw fields.invalid(
                    "stop_token_ids",
                    "stop_token_ids may hold %d tokens; it holds %d.".formatted(MAX_STOP_TOKENS, given.size()),
                    MAX_STOP_TOKENS + " tokens");
        }
        var ids = new HashSet<Integer>();
        for (int i = 0; i < given.size(); i++) {
            JsonNode id = given.get(i);
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
                throw Fields.wrongType("stop_token_ids[%d]".formatted(i), id, "the id of a token");
            }
            ids.add(id.intValue());
        }
        return ids;
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
        refuseFormat(fields);
        refuseTools(fields);
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
