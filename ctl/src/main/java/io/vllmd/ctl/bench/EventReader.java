package io.vllmd.ctl.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** Reads the events of one answer: which of them hold text, what usage says, what went wrong. */
final class EventReader {
    private static final JsonFactory JSON = new JsonFactory();
    private static final byte[] DONE = "[DONE]".getBytes(UTF_8);

    private final boolean keepText;
    private final StringBuilder text = new StringBuilder();
    private long[] texts = new long[128];
    private int count;
    private int events;
    private int promptTokens = -1;
    private int completionTokens = -1;
    private int cachedTokens = -1;
    private boolean finished;
    private @Nullable Failure failure;

    EventReader(boolean keepText) {
        this.keepText = keepText;
    }

    int events() {
        return events;
    }

    /** One event's data, with the spaces around it. */
    void event(byte[] bytes, int from, int to, long time) {
        events++;
        int start = from;
        int end = to;
        while (start < end && bytes[start] == ' ') {
            start++;
        }
        while (end > start && (bytes[end - 1] == '\r' || bytes[end - 1] == ' ')) {
            end--;
        }
        if (Arrays.equals(bytes, start, end, DONE, 0, DONE.length)) {
            finished = true;
            return;
        }
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), bytes, start, end - start)) {
            if (read(parser)) {
                if (count == texts.length) {
                    texts = Arrays.copyOf(texts, 2 * count);
                }
                texts[count++] = time;
            }
        } catch (JacksonException e) {
            failure = new Failure(Failure.Kind.ERROR, "an event is no JSON: " + e.getOriginalMessage());
        }
    }

    /** Gives whether the event holds text. Names of members are enough: none of them means two things in a chunk. */
    private boolean read(JsonParser parser) {
        boolean some = false;
        boolean error = false;
        for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
            if (token != JsonToken.PROPERTY_NAME) {
                continue;
            }
            String name = parser.currentName();
            token = parser.nextToken();
            switch (name) {
                case "content", "reasoning_content", "reasoning", "text", "arguments" -> {
                    if (token == JsonToken.VALUE_STRING && parser.getStringLength() > 0) {
                        some = true;
                        if (keepText && name.equals("content")) {
                            text.append(parser.getString());
                        }
                    }
                }
                case "prompt_tokens" -> promptTokens = number(parser, token, promptTokens);
                case "completion_tokens" -> completionTokens = number(parser, token, completionTokens);
                case "cached_tokens" -> cachedTokens = number(parser, token, cachedTokens);
                case "finish_reason" -> finished |= token == JsonToken.VALUE_STRING;
                case "error" -> {
                    error = token == JsonToken.START_OBJECT;
                    if (token == JsonToken.VALUE_STRING) {
                        failure = new Failure(Failure.Kind.ERROR, parser.getString());
                    }
                }
                case "message" -> {
                    if (error && token == JsonToken.VALUE_STRING) {
                        failure = new Failure(Failure.Kind.ERROR, parser.getString());
                    }
                }
                default -> {}
            }
        }
        return some;
    }

    private static int number(JsonParser parser, @Nullable JsonToken token, int otherwise) {
        return token == JsonToken.VALUE_NUMBER_INT ? parser.getIntValue() : otherwise;
    }

    /** The answer that the events made; {@code broken} is what ended it early, or null. */
    Answer answer(long sent, long ended, @Nullable Failure broken) {
        // What the server said of it tells more than that the connection ended.
        Failure why = failure != null ? failure : broken;
        if (why == null && !finished) {
            why = new Failure(Failure.Kind.BROKEN, "the stream ended without a finish reason");
        }
        if (why == null && count == 0) {
            why = new Failure(Failure.Kind.EMPTY, "the answer holds no text");
        }
        return new Answer(
                sent,
                Arrays.copyOf(texts, count),
                ended,
                promptTokens,
                completionTokens,
                cachedTokens,
                text.toString(),
                why);
    }
}
