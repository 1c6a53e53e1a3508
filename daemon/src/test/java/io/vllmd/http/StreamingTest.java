package io.vllmd.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.runtime.Answer.Stop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class StreamingTest {
    static final String STREAM = """
            {"model":"default","stream":true,"messages":[{"role":"user","content":"Hi"}]}""";

    private static final String STREAM_WITH_USAGE = """
            {"model":"default","stream":true,"stream_options":{"include_usage":true},
             "messages":[{"role":"user","content":"Hi"}]}""";

    private static final String WHOLE = """
            {"messages":[{"role":"user","content":"Hi"}]}""";

    private final JsonMapper mapper = new JsonMapper();

    private List<JsonNode> chunks(String body) {
        return data(body)
                .filter(data -> !data.equals("[DONE]"))
                .map(mapper::readTree)
                .toList();
    }

    private static Stream<String> data(String body) {
        return body.lines().filter(line -> line.startsWith("data: ")).map(line -> line.substring(6));
    }

    @Test
    void aStreamHasRoleThenPiecesThenReasonThenDone() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) ->
                    answer.think("hm\n").say("Grüße, ", "\"Welt\" 🌍").end(Stop.LENGTH);
            var response = fixture.chat(STREAM);

            assertEquals(200, response.statusCode());
            assertEquals(
                    "text/event-stream; charset=utf-8",
                    response.headers().firstValue("content-type").orElse(""));
            assertEquals(
                    "no-cache", response.headers().firstValue("cache-control").orElse(""));
            assertTrue(response.body().endsWith("data: [DONE]\n\n"), response.body());
            List<JsonNode> chunks = chunks(response.body());
            assertEquals(5, chunks.size());
            for (JsonNode chunk : chunks) {
                assertEquals("chat.completion.chunk", chunk.at("/object").asString());
                assertEquals(chunks.getFirst().at("/id"), chunk.at("/id"));
                assertEquals("default", chunk.at("/model").asString());
                assertFalse(chunk.has("usage"));
            }
            assertEquals(
                    "{\"role\":\"assistant\",\"content\":\"\"}",
                    chunks.get(0).at("/choices/0/delta").toString());
            assertEquals(
                    "{\"reasoning_content\":\"hm\\n\",\"reasoning\":\"hm\\n\"}",
                    chunks.get(1).at("/choices/0/delta").toString());
            assertEquals(
                    "Grüße, \"Welt\" 🌍",
                    chunks.stream()
                            .map(c -> c.at("/choices/0/delta/content").asString(""))
                            .collect(Collectors.joining()));
            assertTrue(chunks.get(3).at("/choices/0/finish_reason").isNull());
            assertEquals("length", chunks.get(4).at("/choices/0/finish_reason").asString());
            assertEquals("{}", chunks.get(4).at("/choices/0/delta").toString());
        }
    }

    @Test
    void usageComesInALastChunkWithoutChoicesWhereItIsAskedFor() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script =
                    (answer, options) -> answer.think("a").say("b", "c").end(Stop.STOP);
            List<JsonNode> chunks = chunks(fixture.chat(STREAM_WITH_USAGE).body());

            JsonNode last = chunks.getLast();
            assertTrue(last.at("/choices").isArray() && last.at("/choices").isEmpty());
            assertEquals(10, last.at("/usage/prompt_tokens").asInt());
            assertEquals(3, last.at("/usage/completion_tokens").asInt());
            assertEquals(13, last.at("/usage/total_tokens").asInt());
            assertEquals(
                    1,
                    last.at("/usage/completion_tokens_details/reasoning_tokens").asInt());
            assertEquals(
                    0, last.at("/usage/prompt_tokens_details/cached_tokens").asInt(-1));
            for (JsonNode chunk : chunks.subList(0, chunks.size() - 1)) {
                assertTrue(chunk.has("usage") && chunk.get("usage").isNull());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aClientThatGoesAwayCancelsItsAnswer(boolean stream) throws Exception {
        try (var fixture = new ServerFixture()) {
            ScriptedAnswer answer;
            try (var client = fixture.connect()) {
                client.chat(stream ? STREAM : WHOLE);
                answer = fixture.models.started.take();
                if (stream) {
                    answer.say("first");
                    client.await("first");
                }
            }
            // Nothing more is said: the connection alone tells.
            answer.cancelled.await();
        }
    }

    @Test
    void aClientThatResetsItsConnectionCancelsItsAnswer() throws Exception {
        try (var fixture = new ServerFixture()) {
            var client = fixture.connect();
            client.chat(STREAM);
            ScriptedAnswer answer = fixture.models.started.take();
            client.socket.setSoLinger(true, 0);
            client.close();
            answer.cancelled.await();
        }
    }

    @Test
    void sixteenStreamsRunAtOnce() throws Exception {
        try (var fixture = new ServerFixture();
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var clients = IntStream.range(0, 16)
                    .mapToObj(i -> threads.submit((Callable<String>) () -> {
                        try (var client = fixture.connect()) {
                            client.chat(STREAM);
                            return client.response().body();
                        }
                    }))
                    .toList();
            var answers = new ArrayList<ScriptedAnswer>();
            for (int i = 0; i < 16; i++) {
                answers.add(fixture.models.started.take());
            }
            for (int token = 0; token < 50; token++) {
                for (ScriptedAnswer answer : answers) {
                    answer.say(" " + token);
                }
            }
            answers.forEach(answer -> answer.end(Stop.STOP));
            String expected = IntStream.range(0, 50).mapToObj(i -> " " + i).collect(Collectors.joining());
            for (var client : clients) {
                String text = chunks(client.get()).stream()
                        .map(c -> c.at("/choices/0/delta/content").asString(""))
                        .collect(Collectors.joining());
                assertEquals(expected, text);
            }
        }
    }

    @Test
    void aReaderThatStopsHoldsUpNobodyElseAndLosesNothing() throws Exception {
        try (var fixture = new ServerFixture();
                var slow = new RawClient(fixture.server.port(), 4096)) {
            slow.chat(STREAM);
            ScriptedAnswer endless = fixture.models.started.take();
            endless.sayForEver("x".repeat(10_000));
            for (int i = 0; i < 20; i++) {
                fixture.models.script = (answer, options) -> answer.say("quick").end(Stop.STOP);
                assertTrue(fixture.chat(STREAM).body().endsWith("data: [DONE]\n\n"));
            }
            endless.say("the end").end(Stop.STOP);
            assertTrue(slow.response().body().endsWith("data: [DONE]\n\n"));
        }
    }

    @Test
    void aReaderThatStopsForTooLongIsCutOffAndItsAnswerCancelled() throws Exception {
        var limits = new ServerFixture.Limits();
        limits.writeStall = Duration.ofMillis(300);
        try (var fixture = new ServerFixture(limits);
                var slow = new RawClient(fixture.server.port(), 4096)) {
            slow.chat(STREAM);
            ScriptedAnswer endless = fixture.models.started.take();
            endless.sayForEver("x".repeat(10_000));
            // Without back-pressure the server would take pieces for ever and never stall.
            endless.cancelled.await();
        }
    }

    @Test
    void silenceIsBrokenByComments() throws Exception {
        var limits = new ServerFixture.Limits();
        limits.silence = Duration.ofMillis(100);
        try (var fixture = new ServerFixture(limits);
                var client = fixture.connect()) {
            client.chat(STREAM);
            ScriptedAnswer answer = fixture.models.started.take();
            client.await("\"role\"");
            client.await(": still here");
            client.await(": still here");
            answer.say("late").end(Stop.STOP);
            client.await("late");
            client.await("[DONE]");
        }
    }

    /** Row 38 of the inventory of weaknesses: a failure was a success with half a text, for all that ran. */
    @Test
    void row38OneRequestsFailureIsAnErrorAndItsNeighboursGoOn() throws Exception {
        try (var fixture = new ServerFixture();
                var clients = Executors.newVirtualThreadPerTaskExecutor()) {
            Callable<String> ask = () -> fixture.chat(STREAM).body();
            var first = clients.submit(ask);
            ScriptedAnswer broken = fixture.models.started.take();
            var second = clients.submit(ask);
            ScriptedAnswer sound = fixture.models.started.take();
            broken.say("half")
                    .fail(Problem.of(Problem.Kind.INTERNAL, "Its row broke.").asException());
            assertTrue(first.get().contains("Its row broke."), first.get());
            assertFalse(first.get().contains("finish_reason\":\"stop"), first.get());
            sound.say("whole").end(Stop.STOP);
            assertTrue(second.get().endsWith("data: [DONE]\n\n"), second.get());
            assertEquals(500, wholeFailure(fixture));
        }
    }

    private static int wholeFailure(ServerFixture fixture) throws Exception {
        fixture.models.script = (answer, options) -> answer.say("half")
                .fail(Problem.of(Problem.Kind.INTERNAL, "Its row broke.").asException());
        return fixture.chat(WHOLE).statusCode();
    }

    @Test
    void aFailureMidwayIsOneErrorEventAndTheEnd() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) -> answer.say("half")
                    .fail(Problem.of(Problem.Kind.INTERNAL, "The engine broke.").asException());
            String body = fixture.chat(STREAM).body();
            List<JsonNode> events = chunks(body);
            assertFalse(body.contains("[DONE]"), body);
            assertEquals(
                    "The engine broke.", events.getLast().at("/error/message").asString());
            assertEquals("server_error", events.getLast().at("/error/type").asString());
            assertEquals(1, events.stream().filter(e -> e.has("error")).count());
        }
    }

    @Test
    void anAnswerThatTheServerCancelsIsNotTakenForAWholeOne() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) -> answer.say("half").end(Stop.CANCELLED);
            String body = fixture.chat(STREAM).body();
            assertFalse(body.contains("[DONE]") || body.contains("\"stop\""), body);
            assertTrue(chunks(body).getLast().has("error"), body);
            assertEquals(503, fixture.chat(WHOLE).statusCode());
        }
    }

    @Test
    void aFailureOfOurOwnShowsNoStackTrace() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) -> answer.fail(new IllegalStateException("secret detail"));
            var response = fixture.chat(WHOLE);
            assertEquals(500, response.statusCode());
            assertFalse(response.body().contains("secret detail"), response.body());
            String id = response.headers().firstValue("x-request-id").orElse("");
            assertTrue(response.body().contains(id), response.body());
            assertFalse(fixture.chat(STREAM).body().contains("secret detail"));
        }
    }

    @Test
    void stoppingLetsAStreamFinishAndTakesNothingNew() throws Exception {
        try (var fixture = new ServerFixture();
                var running = fixture.connect();
                var idle = fixture.connect()) {
            running.chat(STREAM);
            ScriptedAnswer answer = fixture.models.started.take();
            idle.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assertEquals(200, idle.response().status());
            var stopped = CompletableFuture.supplyAsync(() -> fixture.stop(ServerFixture.LONG));
            assertTrue(idle.ended());
            answer.say("last words").end(Stop.STOP);
            assertTrue(running.response().body().endsWith("data: [DONE]\n\n"));
            assertTrue(running.ended());
            assertTrue(stopped.get(), "all finished within the grace");
        }
    }

    @Test
    void stoppingCutsOffWhatDoesNotFinishInTime() throws Exception {
        try (var fixture = new ServerFixture();
                var running = fixture.connect()) {
            running.chat(STREAM);
            ScriptedAnswer answer = fixture.models.started.take();
            assertFalse(fixture.stop(Duration.ofMillis(1)));
            answer.cancelled.await();
            while (!running.ended()) {}
        }
    }
}
