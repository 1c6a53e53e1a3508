package io.vllmd.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.chat.output.ScoredToken;
import io.vllmd.config.Problem;
import io.vllmd.engine.Priority;
import io.vllmd.engine.TokenLogprobs;
import io.vllmd.runtime.Answer;
import io.vllmd.runtime.Answer.Stop;
import io.vllmd.runtime.AnswerOptions;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a completion tells beside its text: several choices, log probabilities, usage, why it ended. */
class ChoicesTest {
    private final JsonMapper mapper = new JsonMapper();

    private static String request(String more) {
        return "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" + more + "}";
    }

    private JsonNode whole(ServerFixture fixture, String more) throws Exception {
        var response = fixture.chat(request(more));
        assertEquals(200, response.statusCode(), response.body());
        return mapper.readTree(response.body());
    }

    private List<JsonNode> stream(ServerFixture fixture, String more) throws Exception {
        return events(fixture.chat(request(",\"stream\":true" + more)).body());
    }

    private List<JsonNode> events(String body) {
        assertTrue(body.endsWith("data: [DONE]\n\n") || body.contains("\"error\""), body);
        return body.lines()
                .filter(line -> line.startsWith("data: {"))
                .map(line -> mapper.readTree(line.substring(6)))
                .toList();
    }

    /** Answers one after the other: A, BB, CCC. */
    private static void scripted(ServerFixture fixture) {
        var started = new ConcurrentLinkedQueue<ScriptedAnswer>();
        fixture.models.script = (answer, options) -> {
            started.add(answer);
            int which = started.size();
            for (int i = 0; i < which; i++) {
                answer.say(String.valueOf((char) ('A' + which - 1)));
            }
            answer.cached(7 - which).end(which == 2 ? Stop.LENGTH : Stop.STOP);
        };
    }

    @Test
    void severalChoicesCountThePromptOnce() throws Exception {
        try (var fixture = new ServerFixture()) {
            scripted(fixture);
            JsonNode root = whole(fixture, ",\"n\":3");
            assertEquals(3, root.at("/choices").size());
            for (int i = 0; i < 3; i++) {
                JsonNode choice = root.at("/choices/" + i);
                assertEquals(i, choice.at("/index").asInt());
                assertEquals(
                        List.of("A", "BB", "CCC").get(i),
                        choice.at("/message/content").asString());
                assertEquals(
                        i == 1 ? "length" : "stop", choice.at("/finish_reason").asString());
                assertTrue(choice.at("/logprobs").isNull());
                assertFalse(choice.has("stop_reason"));
            }
            assertEquals(10, root.at("/usage/prompt_tokens").asInt());
            assertEquals(6, root.at("/usage/completion_tokens").asInt());
            assertEquals(16, root.at("/usage/total_tokens").asInt());
            assertEquals(
                    4, root.at("/usage/prompt_tokens_details/cached_tokens").asInt());
        }
    }

    @Test
    void severalChoicesStreamInterleavedByIndex() throws Exception {
        try (var fixture = new ServerFixture()) {
            scripted(fixture);
            List<JsonNode> chunks = stream(fixture, ",\"n\":3,\"stream_options\":{\"include_usage\":true}");
            List<StringBuilder> texts = List.of(new StringBuilder(), new StringBuilder(), new StringBuilder());
            List<String> finishes = new ArrayList<>(List.of("", "", ""));
            for (JsonNode chunk : chunks.subList(0, chunks.size() - 1)) {
                assertEquals(chunks.getFirst().at("/id"), chunk.at("/id"));
                int index = chunk.at("/choices/0/index").asInt();
                assertEquals("", finishes.get(index), "a piece after its choice's end");
                texts.get(index).append(chunk.at("/choices/0/delta/content").asString(""));
                finishes.set(index, chunk.at("/choices/0/finish_reason").asString(""));
            }
            assertEquals(
                    List.of("A", "BB", "CCC"),
                    texts.stream().map(StringBuilder::toString).toList());
            assertEquals(List.of("stop", "length", "stop"), finishes);
            assertEquals(6, chunks.getLast().at("/usage/completion_tokens").asInt());
        }
    }

    @Test
    void choicesDifferInTheirSeedAlone() throws Exception {
        try (var fixture = new ServerFixture()) {
            var asked = new ConcurrentLinkedQueue<AnswerOptions>();
            fixture.models.script = (answer, options) -> {
                asked.add(options);
                answer.end(Stop.STOP);
            };
            whole(fixture, ",\"seed\":11,\"n\":16");
            whole(fixture, ",\"seed\":11");
            List<AnswerOptions> all = List.copyOf(asked);
            assertEquals(
                    16,
                    all.stream()
                            .limit(16)
                            .map(o -> o.sampling().seed())
                            .distinct()
                            .count());
            assertEquals(
                    16,
                    all.stream()
                            .limit(16)
                            .map(AnswerOptions::requestId)
                            .distinct()
                            .count());
            assertEquals(11, all.getFirst().sampling().seed());
            assertEquals(all.getFirst().sampling(), all.getLast().sampling());
            assertEquals(all.get(5).ending(), all.getLast().ending());
        }
    }

    @Test
    void aChoiceThatFailsEndsAllOfThem() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) -> {
                if (options.requestId().endsWith(".1")) {
                    answer.fail(Problem.of(Problem.Kind.INTERNAL, "The engine broke.")
                            .asException());
                } else {
                    answer.say("x");
                }
            };
            var response = fixture.chat(request(",\"n\":3"));
            assertEquals(500, response.statusCode());
            for (int i = 0; i < 3; i++) {
                fixture.models.started.take().cancelled.await();
            }
            List<JsonNode> events = stream(fixture, ",\"n\":3");
            assertEquals(
                    "The engine broke.", events.getLast().at("/error/message").asString());
            for (int i = 0; i < 3; i++) {
                fixture.models.started.take().cancelled.await();
            }
        }
    }

    @Test
    void aChoiceThatIsRefusedCancelsThoseBeforeIt() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) -> {
                if (options.requestId().endsWith(".2")) {
                    throw Problem.of(Problem.Kind.BUSY, "Too many wait.").asException();
                }
            };
            assertEquals(429, fixture.chat(request(",\"n\":4")).statusCode());
            fixture.models.started.take().cancelled.await();
            fixture.models.started.take().cancelled.await();
        }
    }

    @Test
    void aClientThatGoesAwayCancelsAllChoices() throws Exception {
        try (var fixture = new ServerFixture()) {
            List<ScriptedAnswer> answers = new ArrayList<>();
            try (var client = fixture.connect()) {
                client.chat(request(",\"stream\":true,\"n\":3"));
                for (int i = 0; i < 3; i++) {
                    answers.add(fixture.models.started.take());
                }
                answers.get(1).say("second");
                client.await("second");
            }
            for (ScriptedAnswer answer : answers) {
                answer.cancelled.await();
            }
        }
    }

    private static void scored(ServerFixture fixture) {
        fixture.models.script = (answer, options) -> {
            assertEquals(2, options.logprobs());
            answer.think("hm");
            answer.sayScored(
                            "AB",
                            new ScoredToken(
                                    'A', new TokenLogprobs(-0.5f, new int[] {'A', 'C'}, new float[] {-0.5f, -1})),
                            new ScoredToken('B', null))
                    .sayScored(
                            "\uFFFD",
                            new ScoredToken(
                                    0xe4,
                                    new TokenLogprobs(Float.NEGATIVE_INFINITY, new int[] {'D', 0xe4}, new float[] {
                                        0, Float.NEGATIVE_INFINITY
                                    })))
                    .end(Stop.STOP);
        };
    }

    private static void checkScored(List<JsonNode> entries) {
        assertEquals(3, entries.size());
        assertEquals(
                "{\"token\":\"A\",\"logprob\":-0.5,\"bytes\":[65],\"top_logprobs\":["
                        + "{\"token\":\"A\",\"logprob\":-0.5,\"bytes\":[65]},"
                        + "{\"token\":\"C\",\"logprob\":-1.0,\"bytes\":[67]}]}",
                entries.get(0).toString());
        assertEquals(
                "{\"token\":\"B\",\"logprob\":0.0,\"bytes\":[66],\"top_logprobs\":[]}",
                entries.get(1).toString());
        assertEquals("\uFFFD", entries.get(2).at("/token").asString());
        assertEquals("[228]", entries.get(2).at("/bytes").toString());
        assertEquals(-9999, entries.get(2).at("/logprob").asDouble());
        assertEquals(-9999, entries.get(2).at("/top_logprobs/1/logprob").asDouble());
    }

    @Test
    void logprobsStandBesideTheText() throws Exception {
        try (var fixture = new ServerFixture()) {
            scored(fixture);
            JsonNode choice =
                    whole(fixture, ",\"logprobs\":true,\"top_logprobs\":2").at("/choices/0");
            assertEquals("AB\uFFFD", choice.at("/message/content").asString());
            assertTrue(choice.at("/logprobs/refusal").isNull());
            checkScored(List.copyOf(choice.at("/logprobs/content").values()));
        }
    }

    @Test
    void logprobsComeWithTheChunkOfTheirText() throws Exception {
        try (var fixture = new ServerFixture()) {
            scored(fixture);
            List<JsonNode> chunks = stream(fixture, ",\"logprobs\":true,\"top_logprobs\":2");
            List<JsonNode> entries = new ArrayList<>();
            for (JsonNode chunk : chunks) {
                JsonNode choice = chunk.at("/choices/0");
                JsonNode content = choice.at("/logprobs/content");
                boolean hasText = !choice.at("/delta/content").asString("").isEmpty();
                assertEquals(hasText, content.isArray());
                content.forEach(entries::add);
            }
            checkScored(entries);
        }
    }

    @Test
    void anAnswerThatAGuideEndedSaysSo() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) ->
                    answer.say("a").end(new Answer.GuideStop("repetition_detected", "pattern_loop_len_3"));
            JsonNode choice = whole(fixture, "").at("/choices/0");
            assertEquals("stop", choice.at("/finish_reason").asString());
            assertEquals("repetition_detected", choice.at("/stop_reason").asString());
            assertEquals("pattern_loop_len_3", choice.at("/stop_reason_detail").asString());
            JsonNode last = stream(fixture, "").getLast().at("/choices/0");
            assertEquals("stop", last.at("/finish_reason").asString());
            assertEquals("repetition_detected", last.at("/stop_reason").asString());
            assertEquals("pattern_loop_len_3", last.at("/stop_reason_detail").asString());
        }
    }

    @Test
    void whatIsAskedOfTheEngineReachesIt() throws Exception {
        try (var fixture = new ServerFixture()) {
            var asked = new ConcurrentLinkedQueue<AnswerOptions>();
            fixture.models.script = (answer, options) -> {
                asked.add(options);
                answer.end(Stop.STOP);
            };
            whole(fixture, ",\"priority\":\"background\",\"frequency_penalty\":0.5,\"seed\":1");
            fixture.engine.change(
                    Map.of("frequency-penalty", "repetition", "default-max-tokens", "12"), "test", now -> {});
            whole(fixture, ",\"frequency_penalty\":0.5,\"seed\":1");
            List<AnswerOptions> all = List.copyOf(asked);
            assertEquals(Priority.BACKGROUND, all.getFirst().manner().priority());
            assertEquals(0.5f, all.getFirst().sampling().penalties().frequency());
            assertEquals(Integer.MAX_VALUE, all.getFirst().ending().maxTokens());
            assertEquals(1.5f, all.getLast().sampling().penalties().repetition());
            assertEquals(12, all.getLast().ending().maxTokens());
        }
    }

    @Test
    void apiKeysCanKeepTheirPromptsApart() throws Exception {
        try (var fixture = new ServerFixture()) {
            var scopes = new ConcurrentLinkedQueue<String>();
            fixture.models.script = (answer, options) -> {
                scopes.add(options.manner().cacheScope());
                answer.end(Stop.STOP);
            };
            whole(fixture, "");
            fixture.engine.change(Map.of("cache-isolation", "api-key"), "test", now -> {});
            for (List<String> header : List.of(
                    List.of("authorization", "Bearer one"),
                    List.of("x-api-key", "one"),
                    List.of("authorization", "Bearer two"),
                    List.of("x-other", "one"))) {
                var request = HttpRequest.newBuilder(fixture.uri("/v1/chat/completions"))
                        .header(header.get(0), header.get(1))
                        .POST(HttpRequest.BodyPublishers.ofString(request("")))
                        .build();
                fixture.client.send(request, HttpResponse.BodyHandlers.discarding());
            }
            List<String> all = List.copyOf(scopes);
            assertEquals("", all.get(0));
            assertEquals(all.get(1), all.get(2));
            assertEquals(4, all.stream().distinct().count());
            assertTrue(all.stream().noneMatch(scope -> scope.contains("one")));
        }
    }
}
