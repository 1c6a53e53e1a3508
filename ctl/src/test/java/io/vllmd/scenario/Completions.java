package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vllmd.control.protocol.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A client of the chat API that reads answers as trees, and may have an API key. */
final class Completions {
    private static final URI PATH = URI.create("/v1/chat/completions");

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final String base;
    private final @Nullable String key;

    Completions(String base) {
        this(base, null);
    }

    private Completions(String base, @Nullable String key) {
        this.base = base;
        this.key = key;
    }

    /** The same server with this API key. */
    Completions as(String apiKey) {
        return new Completions(base, apiKey);
    }

    /**
     * A request with one message of the user.
     *
     * @param more further fields, each with a comma before it
     */
    static String ask(String user, int maxTokens, String more) {
        return "{\"max_tokens\":%d,\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]%s}"
                .formatted(maxTokens, user, more);
    }

    /** An answer as it came, whole or in chunks. */
    record Reply(int status, HttpHeaders headers, Tree body) {

        String text() {
            return text(0);
        }

        String text(int choice) {
            return body.at("choices", choice, "message", "content").text();
        }

        String finish() {
            return body.at("choices", 0, "finish_reason").text();
        }

        int usage(String... path) {
            Tree at = body.at("usage");
            for (String name : path) {
                at = at.at(name);
            }
            return at.number().intValue();
        }

        int cached() {
            return usage("prompt_tokens_details", "cached_tokens");
        }

        /** The answer's tokens with their log probabilities, for the first choice. */
        List<Tree> logprobs() {
            return body.at("choices", 0, "logprobs", "content").items();
        }
    }

    /** A place in a JSON document. */
    record Tree(@Nullable Object value) {

        /** @param path names of members and indexes of items; what is not there is empty */
        Tree at(Object... path) {
            @Nullable Object at = value;
            for (Object step : path) {
                if (at instanceof Map<?, ?> map) {
                    at = map.get(step);
                } else if (at instanceof List<?> list && step instanceof Integer i && i < list.size()) {
                    at = list.get(i);
                } else {
                    at = null;
                }
            }
            return new Tree(at);
        }

        String text() {
            return value == null ? "" : value.toString();
        }

        Number number() {
            return (Number) Objects.requireNonNull(value);
        }

        List<Tree> items() {
            return value instanceof List<?> list ? list.stream().map(Tree::new).toList() : List.of();
        }

        @Override
        public String toString() {
            return new String(Json.write(value == null ? Map.of() : value), StandardCharsets.UTF_8);
        }
    }

    /** Sends this body and reads the answer whole, whatever its status. */
    Reply send(String body) throws IOException, InterruptedException {
        HttpResponse<byte[]> response = http.send(posting(body), HttpResponse.BodyHandlers.ofByteArray());
        return new Reply(response.statusCode(), response.headers(), tree(response.body()));
    }

    /** As {@link #send}, where an answer is sure. */
    Reply answer(String body) throws IOException, InterruptedException {
        Reply reply = send(body);
        assertEquals(200, reply.status(), () -> reply.body().toString());
        return reply;
    }

    /**
     * Streams an answer of one choice.
     *
     * @param body without the field stream
     * @param onChunk hears of each chunk
     * @return all chunks
     */
    List<Tree> stream(String body, Consumer<Tree> onChunk) throws IOException, InterruptedException {
        String streaming = body.substring(0, body.length() - 1) + ",\"stream\":true}";
        HttpResponse<Stream<String>> response = http.send(posting(streaming), HttpResponse.BodyHandlers.ofLines());
        List<Tree> chunks = new ArrayList<>();
        try (Stream<String> lines = response.body()) {
            lines.filter(line -> line.startsWith("data: {")).forEach(line -> {
                Tree chunk = tree(line.substring("data: ".length()).getBytes(StandardCharsets.UTF_8));
                chunks.add(chunk);
                onChunk.accept(chunk);
            });
        }
        assertEquals(200, response.statusCode(), () -> chunks.toString());
        return chunks;
    }

    /** The text of chunks put together. */
    static String text(List<Tree> chunks) {
        StringBuilder text = new StringBuilder();
        for (Tree chunk : chunks) {
            text.append(chunk.at("choices", 0, "delta", "content").text());
        }
        return text.toString();
    }

    /** Why the streamed answer ended, told by the last chunk that has a choice. */
    static Tree ending(List<Tree> chunks) {
        return chunks.reversed().stream()
                .map(chunk -> chunk.at("choices", 0))
                .filter(choice -> choice.value() != null)
                .findFirst()
                .orElseThrow();
    }

    Tree get(String path) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(base + path)).build();
        return tree(http.send(request, HttpResponse.BodyHandlers.ofByteArray()).body());
    }

    private HttpRequest posting(String body) {
        var request = HttpRequest.newBuilder(URI.create(base).resolve(PATH))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body));
        return (key == null ? request : request.header("Authorization", "Bearer " + key)).build();
    }

    static Tree tree(byte[] json) {
        try {
            return new Tree(Json.readObject(json));
        } catch (Json.JsonException e) {
            throw new AssertionError(e.getMessage() + " in " + new String(json, StandardCharsets.UTF_8), e);
        }
    }
}
