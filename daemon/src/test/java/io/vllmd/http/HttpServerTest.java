package io.vllmd.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.ServerSettings;
import io.vllmd.runtime.Answer.Stop;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class HttpServerTest {
    private static final String WHOLE = """
            {"model":"org/scripted-model","messages":[{"role":"user","content":"Hi"}]}""";

    private final ServerFixture fixture = new ServerFixture(limits());
    private final JsonMapper mapper = new JsonMapper();

    private static ServerFixture.Limits limits() {
        var limits = new ServerFixture.Limits();
        limits.origins = List.of("http://localhost:3000");
        return limits;
    }

    @AfterEach
    void stop() {
        fixture.close();
    }

    @Test
    void anAnswerInOnePieceHasMessageReasonAndUsage() throws Exception {
        fixture.models.script =
                (answer, options) -> answer.think("hm").say("Hello", " you").end(Stop.STOP);
        var response = fixture.chat(WHOLE);

        assertEquals(200, response.statusCode(), response.body());
        JsonNode body = mapper.readTree(response.body());
        assertEquals("chat.completion", body.at("/object").asString());
        assertEquals("org/scripted-model", body.at("/model").asString());
        assertEquals("assistant", body.at("/choices/0/message/role").asString());
        assertEquals("Hello you", body.at("/choices/0/message/content").asString());
        assertEquals("hm", body.at("/choices/0/message/reasoning_content").asString());
        assertEquals("hm", body.at("/choices/0/message/reasoning").asString());
        assertEquals("stop", body.at("/choices/0/finish_reason").asString());
        assertEquals(10, body.at("/usage/prompt_tokens").asInt());
        assertEquals(3, body.at("/usage/completion_tokens").asInt());
        assertEquals(13, body.at("/usage/total_tokens").asInt());
        assertEquals(
                1, body.at("/usage/completion_tokens_details/reasoning_tokens").asInt());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/v1/models/org/scripted-model",
                "/v1/models/org%2Fscripted-model",
                "/v1/v1/models/org/scripted-model/",
                "/v1/models/default"
            })
    void aModelIsFoundUnderItsIdHoweverItIsEncoded(String path) throws Exception {
        var response = fixture.get(path);
        assertEquals(200, response.statusCode(), response.body());
        JsonNode model = mapper.readTree(response.body());
        assertEquals(ScriptedModels.ID, model.at("/id").asString());
        for (String name : List.of("context_length", "max_model_len", "context_window")) {
            assertEquals(4096, model.path(name).asInt(), name);
        }
    }

    @Test
    void modelsAreListed() throws Exception {
        JsonNode list = mapper.readTree(fixture.get("/v1/models/").body());
        assertEquals("list", list.at("/object").asString());
        assertEquals(ScriptedModels.ID, list.at("/data/0/id").asString());
        assertEquals("model", list.at("/data/0/object").asString());
    }

    @Test
    void anUnknownModelIs404WithItsCode() throws Exception {
        var response = fixture.chat(WHOLE.replace("org/scripted-model", "gpt-9"));
        assertEquals(404, response.statusCode());
        JsonNode error = mapper.readTree(response.body()).path("error");
        assertEquals("model_not_found", error.path("code").asString());
        assertEquals("model", error.path("param").asString());
        assertEquals("invalid_request_error", error.path("type").asString());
        assertEquals(404, fixture.get("/v1/models/gpt-9").statusCode());
    }

    @Test
    void aFullQueueIs429WithRetryAfter() throws Exception {
        fixture.models.script = (answer, options) -> {
            throw Problem.of(Problem.Kind.BUSY, "The queue is full.").asException();
        };
        var response = fixture.chat(WHOLE);
        assertEquals(429, response.statusCode());
        assertEquals("1", response.headers().firstValue("retry-after").orElse(""));
    }

    @Test
    void aPromptWithoutRoomTellsThatTheContextIsTooShort() throws Exception {
        fixture.models.script = (answer, options) -> {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "The prompt has 5000 tokens; the context has 4096.",
                            "messages",
                            "4096 tokens")
                    .asException();
        };
        var response = fixture.chat(WHOLE);
        assertEquals(400, response.statusCode());
        JsonNode error = mapper.readTree(response.body()).path("error");
        assertEquals("context_length_exceeded", error.path("code").asString());
        assertEquals("messages", error.path("param").asString());
    }

    @Test
    void healthAndTheFrontDoorAnswer() throws Exception {
        JsonNode health = mapper.readTree(fixture.get("/health").body());
        assertEquals("ok", health.path("status").asString());
        assertTrue(health.path("model_loaded").asBoolean());
        assertEquals(1, health.path("models").asInt());
        assertEquals(
                mapper.valueToTree(ServerFixture.FIGURES.tree()).toString(),
                health.path("engine").toString());
        var welcome = fixture.get("/");
        assertTrue(welcome.body().contains("curl http://127.0.0.1:" + fixture.server.port()), welcome.body());
    }

    @Test
    void headAnswersLikeGetWithoutABody() throws Exception {
        try (var client = fixture.connect()) {
            for (String path : List.of("/", "/health", "/v1/models")) {
                client.send("HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n".formatted(path));
                var response = client.response(true);
                assertEquals(200, response.status());
                assertNotEquals("0", response.header("content-length"));
            }
            client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assertTrue(client.response().body().startsWith("{\"status\""));
        }
    }

    @Test
    void anotherMethodIs405WithWhatIsAllowed() throws Exception {
        var wrong = fixture.get("/v1/chat/completions");
        assertEquals(405, wrong.statusCode());
        assertEquals("OPTIONS, POST", wrong.headers().firstValue("allow").orElse(""));
        assertTrue(mapper.readTree(wrong.body()).at("/error/message").isString());
        assertEquals(405, fixture.post("/health", "").statusCode());
        assertEquals(404, fixture.get("/v2/nothing").statusCode());
    }

    @Test
    void onlyPagesOfConfiguredOriginsMayReadAnswers() throws Exception {
        try (var client = fixture.connect()) {
            String ask = """
                    OPTIONS /v1/chat/completions HTTP/1.1\r
                    Host: localhost\r
                    Origin: %s\r
                    Access-Control-Request-Method: POST\r
                    Access-Control-Request-Headers: authorization, content-type\r
                    \r
                    """;
            client.send(ask.formatted("http://localhost:3000"));
            var allowed = client.response();
            assertEquals(204, allowed.status());
            assertEquals("http://localhost:3000", allowed.header("access-control-allow-origin"));
            assertEquals("authorization, content-type", allowed.header("access-control-allow-headers"));
            assertEquals("OPTIONS, POST", allowed.header("access-control-allow-methods"));

            client.send(ask.formatted("http://evil.example"));
            var refused = client.response();
            assertEquals(204, refused.status());
            assertEquals("", refused.header("access-control-allow-origin"));
            assertEquals("", refused.header("access-control-allow-headers"));

            client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n");
            assertEquals("http://localhost:3000", client.response().header("access-control-allow-origin"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000", "app.localhost", "localhost."})
    void namesOfThisMachineAreAnswered(String host) throws Exception {
        try (var client = fixture.connect()) {
            client.send("GET /health HTTP/1.1\r\nHost: %s\r\n\r\n".formatted(host));
            assertEquals(200, client.response().status());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"})
    void aNameOfSomebodyElseIsRefused(String host) throws Exception {
        try (var client = fixture.connect()) {
            client.send("GET /health HTTP/1.1\r\nHost: %s\r\n\r\n".formatted(host));
            assertEquals(403, client.response().status());
            client.send("GET http://%s/health HTTP/1.1\r\nHost: localhost\r\n\r\n".formatted(host));
            assertEquals(403, client.response().status());
        }
    }

    @Test
    void aSoundRequestIdIsKeptAndAnotherReplaced() throws Exception {
        try (var client = fixture.connect()) {
            client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: my-id.7\r\n\r\n");
            assertEquals("my-id.7", client.response().header("x-request-id"));
            client.send("GET /nothing HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: two words\r\n\r\n");
            String made = client.response().header("x-request-id");
            assertTrue(made.startsWith("req-"), made);
            client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: " + "x".repeat(129) + "\r\n\r\n");
            assertTrue(client.response().header("x-request-id").startsWith("req-"));
        }
    }

    @Test
    void theRequestIdReachesTheModel() throws Exception {
        var seen = new LinkedBlockingQueue<String>();
        fixture.models.script = (answer, options) -> {
            seen.add(options.requestId());
            answer.end(Stop.STOP);
        };
        var response = fixture.chat(WHOLE);
        assertEquals(response.headers().firstValue("x-request-id").orElse(""), seen.take());
    }

    @Test
    void brokenJsonIs400WithItsPlace() throws Exception {
        var response = fixture.chat("{\n  \"model\": oops\n}");
        assertEquals(400, response.statusCode());
        String message = mapper.readTree(response.body()).at("/error/message").asString();
        assertTrue(message.contains("line 2"), message);
        assertFalse(message.contains("StreamReadFeature"), message);
    }

    @Test
    void aPortThatIsTakenIsTold() {
        ServerSettings taken = new ServerFixture.Limits().settings(fixture.server.port());
        var problem = assertThrows(ProblemException.class, () -> HttpServer.start(taken, fixture.apis()))
                .problem();
        assertEquals(Problem.Kind.CONFLICT, problem.kind());
        assertTrue(problem.message().contains(Integer.toString(fixture.server.port())), problem.message());
    }
}
