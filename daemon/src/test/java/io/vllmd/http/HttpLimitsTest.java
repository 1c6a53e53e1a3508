package io.vllmd.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.runtime.Answer.Stop;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class HttpLimitsTest {
    private static final String HEALTH = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    private static final String WHOLE = """
            {"messages":[{"role":"user","content":"Hi"}]}""";

    private static void assertServes(ServerFixture fixture) throws IOException {
        try (var client = fixture.connect()) {
            client.send(HEALTH);
            assertEquals(200, client.response().status());
        }
    }

    @Test
    void aBodyThatIsTooLargeIsRefusedBeforeItIsSent() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.send("""
                    POST /v1/chat/completions HTTP/1.1\r
                    Host: localhost\r
                    X-Request-Id: big\r
                    Content-Length: 100000000\r
                    \r
                    """);
            var response = client.response();
            assertEquals(413, response.status());
            assertEquals("big", response.header("x-request-id"));
            assertTrue(response.body().contains("1,048,576"), response.body());
            assertTrue(client.ended());
        }
    }

    @Test
    void aClientThatSendsAHundredMegabytesStillReadsTheRefusal() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n");
            byte[] part = new byte[1 << 20];
            for (int sent = 0; sent < 100_000_000; sent += part.length) {
                client.send(part);
            }
            assertEquals(413, client.response().status());
        }
    }

    @Test
    void aChunkedBodyIsBoundedToo() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
            String part = "10000\r\n" + "x".repeat(0x10000) + "\r\n";
            for (int i = 0; i < 20; i++) {
                client.send(part);
            }
            assertEquals(413, client.response().status());
            assertServes(fixture);
        }
    }

    @Test
    void aClientThatAsksBeforeItSendsIsToldToGoOnOrNot() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) -> answer.say("ok").end(Stop.STOP);
            String ask = """
                    POST /v1/chat/completions HTTP/1.1\r
                    Host: localhost\r
                    Expect: 100-continue\r
                    Content-Length: %d\r
                    \r
                    """;
            try (var client = fixture.connect()) {
                client.send(ask.formatted(WHOLE.length()));
                assertEquals(100, client.response().status());
                client.send(WHOLE);
                assertEquals(200, client.response().status());
            }
            try (var client = fixture.connect()) {
                client.send(ask.formatted(5_000_000));
                assertEquals(413, client.response().status());
            }
        }
    }

    @Test
    void headersThatAreTooLargeAre431() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n");
            for (int i = 0; i < 300; i++) {
                client.send("X-Filler-%d: %s\r\n".formatted(i, "x".repeat(40)));
            }
            client.send("\r\n");
            assertEquals(431, client.response().status());
            assertServes(fixture);
        }
    }

    @Test
    void aRequestLineThatIsTooLongIs414() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.send("GET /" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assertEquals(414, client.response().status());
        }
    }

    @Test
    void headersThatDoNotComeAre408() throws Exception {
        var limits = new ServerFixture.Limits();
        limits.headerTimeout = Duration.ofMillis(200);
        try (var fixture = new ServerFixture(limits);
                var client = fixture.connect()) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHo");
            assertEquals(408, client.response().status());
            assertTrue(client.ended());
        }
    }

    @Test
    void aBodyThatDoesNotComeIs408() throws Exception {
        var limits = new ServerFixture.Limits();
        limits.bodyTimeout = Duration.ofMillis(200);
        try (var fixture = new ServerFixture(limits);
                var client = fixture.connect()) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{");
            var response = client.response();
            assertEquals(408, response.status());
            assertTrue(response.body().contains("body"), response.body());
            assertTrue(client.ended());
        }
    }

    @Test
    void oneConnectionTooManyIsToldSoAndGetsInLater() throws Exception {
        var limits = new ServerFixture.Limits();
        limits.connections = 3;
        try (var fixture = new ServerFixture(limits)) {
            var clients = new ArrayList<RawClient>();
            for (int i = 0; i < 3; i++) {
                RawClient client = fixture.connect();
                client.send(HEALTH);
                assertEquals(200, client.response().status());
                clients.add(client);
            }
            try (var client = fixture.connect()) {
                client.send(HEALTH);
                var response = client.response();
                assertEquals(503, response.status());
                assertEquals("1", response.header("retry-after"));
            }
            clients.getFirst().close();
            int status = 503;
            while (status == 503) {
                try (var client = fixture.connect()) {
                    client.send(HEALTH);
                    status = client.response().status();
                }
            }
            assertEquals(200, status);
            for (RawClient client : clients) {
                client.close();
            }
        }
    }

    @Test
    void pipelinedRequestsAreAnsweredInOrder() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.chat(StreamingTest.STREAM);
            client.send(HEALTH + "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEALTH);
            ScriptedAnswer answer = fixture.models.started.take();
            answer.say("in", " order").end(Stop.STOP);
            assertTrue(client.response().body().endsWith("data: [DONE]\n\n"));
            assertEquals(200, client.response().status());
            assertEquals(404, client.response().status());
            assertEquals(200, client.response().status());
        }
    }

    @Test
    void aRefusalWaitsItsTurnBehindARunningStream() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.chat(StreamingTest.STREAM);
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n");
            ScriptedAnswer answer = fixture.models.started.take();
            answer.say("whole").end(Stop.STOP);
            assertTrue(client.response().body().endsWith("data: [DONE]\n\n"));
            assertEquals(413, client.response().status());
        }
    }

    @Test
    void tooManyPipelinedRequestsEndTheConnectionAfterTheOnesThatFit() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.chat(StreamingTest.STREAM);
            ScriptedAnswer answer = fixture.models.started.take();
            client.send(HEALTH.repeat(50));
            answer.say("one").end(Stop.STOP);
            client.response();
            int answered = 0;
            try {
                while (client.response().status() == 200) {
                    answered++;
                }
            } catch (IOException e) {
                // The end of the connection.
            }
            assertTrue(answered >= 1 && answered <= 50, "answered " + answered);
        }
    }

    @Test
    void aClientThatClosesItsSideStillGetsAQuickAnswer() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.send(HEALTH + HEALTH);
            client.socket.shutdownOutput();
            assertEquals(200, client.response().status());
            assertEquals(200, client.response().status());
            assertTrue(client.ended());
        }
    }

    @Test
    void aClientThatClosesItsSideDuringGenerationIsTakenForGone() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.chat(StreamingTest.STREAM);
            ScriptedAnswer answer = fixture.models.started.take();
            client.socket.shutdownOutput();
            answer.cancelled.await();
        }
    }

    @Test
    void oldClientsGetTheirAnswerAndTheEnd() throws Exception {
        try (var fixture = new ServerFixture()) {
            try (var client = fixture.connect()) {
                client.send("GET /health HTTP/1.0\r\n\r\n");
                assertEquals(200, client.response().status());
                assertTrue(client.ended());
            }
            fixture.models.script = (answer, options) -> answer.say("old").end(Stop.STOP);
            try (var client = fixture.connect()) {
                client.send(
                        "POST /v1/chat/completions HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s"
                                .formatted(StreamingTest.STREAM.length(), StreamingTest.STREAM));
                var response = client.response();
                assertEquals("", response.header("transfer-encoding"));
                assertTrue(response.body().endsWith("data: [DONE]\n\n"), response.body());
            }
        }
    }

    @Test
    void absoluteTargetsAreTaken() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            client.send("GET http://localhost/v1/models?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assertEquals(200, client.response().status());
            client.send("GET http://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assertTrue(client.response().body().contains("curl"));
        }
    }

    @Test
    void aConnectionServesManyRequests() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            fixture.models.script = (answer, options) -> answer.say("again").end(Stop.STOP);
            for (int i = 0; i < 50; i++) {
                client.chat(WHOLE);
                assertEquals(200, client.response().status());
            }
        }
    }

    @Test
    void memoryForBodiesIsBoundedOverAllConnections() throws Exception {
        var limits = new ServerFixture.Limits();
        limits.body = 1 << 20;
        try (var fixture = new ServerFixture(limits)) {
            var clients = new ArrayList<RawClient>();
            byte[] nearlyAll = new byte[limits.body - 10];
            for (int i = 0; i < 6; i++) {
                RawClient client = fixture.connect();
                clients.add(client);
                client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n");
                client.send(nearlyAll);
            }
            // No body is ever complete, and two at most can be held: the others hear that they shall come back.
            var refused = new CountDownLatch(4);
            for (RawClient client : clients) {
                Thread.startVirtualThread(() -> {
                    if (statusOf(client) == 503) {
                        refused.countDown();
                    }
                });
            }
            refused.await();
            assertServes(fixture);
            for (RawClient client : clients) {
                client.close();
            }
        }
    }

    private static int statusOf(RawClient client) {
        try {
            return client.response().status();
        } catch (IOException e) {
            return 0;
        }
    }
}
