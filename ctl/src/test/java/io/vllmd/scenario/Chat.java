package io.vllmd.scenario;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A plain HTTP client of the chat API; knows no more of JSON than these tests need. */
final class Chat {
    private static final Pattern CONTENT = Pattern.compile("\"content\":\"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final Pattern FINISH = Pattern.compile("\"finish_reason\":\"(\\w+)\"");

    /** One answer: its text still JSON-escaped, which is enough to compare texts. */
    record Answer(int status, String text, String finish, int chunks, String raw) {}

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final String base;

    Chat(String base) {
        this.base = base;
    }

    static String request(String model, String user, int maxTokens, String more) {
        return "{\"model\":\"%s\",\"temperature\":0,\"max_tokens\":%d,\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]%s}"
                .formatted(model, maxTokens, user, more);
    }

    /** Sends a body as it is and reads the answer whole. */
    Answer post(String body) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(posting(body), HttpResponse.BodyHandlers.ofString());
        return new Answer(
                response.statusCode(),
                first(CONTENT, response.body()),
                first(FINISH, response.body()),
                1,
                response.body());
    }

    Answer ask(String model, String user, int maxTokens) throws IOException, InterruptedException {
        return post(request(model, user, maxTokens, ""));
    }

    Answer stream(String model, String user, int maxTokens) throws IOException, InterruptedException {
        return stream(model, user, maxTokens, chunk -> {});
    }

    /** Streams an answer; {@code onChunk} hears each event's data. */
    Answer stream(String model, String user, int maxTokens, Consumer<String> onChunk)
            throws IOException, InterruptedException {
        HttpResponse<Stream<String>> response = http.send(
                posting(request(model, user, maxTokens, ",\"stream\":true")), HttpResponse.BodyHandlers.ofLines());
        StringBuilder text = new StringBuilder();
        List<String> chunks = new ArrayList<>();
        String[] finish = {""};
        try (Stream<String> lines = response.body()) {
            lines.filter(line -> line.startsWith("data: ")).forEach(line -> {
                String data = line.substring("data: ".length());
                chunks.add(data);
                text.append(first(CONTENT, data));
                if (!first(FINISH, data).isEmpty()) {
                    finish[0] = first(FINISH, data);
                }
                onChunk.accept(data);
            });
        }
        return new Answer(response.statusCode(), text.toString(), finish[0], chunks.size(), String.join("\n", chunks));
    }

    Answer get(String path) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(
                HttpRequest.newBuilder(URI.create(base + path)).build(), HttpResponse.BodyHandlers.ofString());
        return new Answer(response.statusCode(), "", "", 1, response.body());
    }

    private HttpRequest posting(String body) {
        return HttpRequest.newBuilder(URI.create(base + "/v1/chat/completions"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    private static String first(Pattern pattern, String in) {
        Matcher matcher = pattern.matcher(in);
        return matcher.find() ? matcher.group(1) : "";
    }
}
