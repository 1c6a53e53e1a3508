package io.vllmd.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.runtime.Answer.Stop;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever comes, the server answers it with something other than a failure of its own, and serves the next client. */
class HttpFuzzTest {
    private static final long SEED = 20261124;
    private static final int ROUNDS = 400;

    private static final String JSON = """
            {"model":"default","messages":[{"role":"system","content":[{"type":"text","text":"Be kind \\ud83c\\udf0d"}]},
             {"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}],
             "temperature":0.7,"top_p":1,"top_k":-1,"min_p":0,"seed":9223372036854775807,"max_tokens":10,"n":1,
             "stop":["a","b"],"stream":false,"stream_options":{"include_usage":true},"logit_bias":{},
             "response_format":{"type":"text"},"tools":[],"chat_template_kwargs":{"a":[1,2.5,null,{}]}}""";

    private static final List<String> REQUESTS = List.of(
            "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /v1/models/org%2Fscripted-model?x=1 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
            "OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\n\r\n",
            "HEAD / HTTP/1.0\r\n\r\n",
            """
            POST /v1/chat/completions HTTP/1.1\r
            Host: localhost\r
            Transfer-Encoding: chunked\r
            \r
            5\r
            {"a":\r
            2\r
            1}\r
            0\r
            \r
            """,
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + JSON.length() + "\r\n\r\n"
                    + JSON);

    private final Random random = new Random(SEED);

    @Test
    void mutatedAndRandomBytesNeverBreakTheServer() throws Exception {
        try (var fixture = new ServerFixture()) {
            fixture.models.script = (answer, options) -> answer.say("ok").end(Stop.STOP);
            for (int round = 0; round < ROUNDS; round++) {
                byte[] bytes = random.nextInt(4) == 0
                        ? randomBytes(1 + random.nextInt(2000))
                        : mutated(REQUESTS.get(random.nextInt(REQUESTS.size())).getBytes(ISO_8859_1));
                try (var client = fixture.connect()) {
                    exchange(client, bytes, round);
                }
                if (round % 50 == 49) {
                    assertEquals(200, fixture.get("/health").statusCode(), "round " + round);
                }
            }
        }
    }

    @Test
    void mutatedJsonIsAnsweredOrRefusedWithTheReason() throws Exception {
        try (var fixture = new ServerFixture();
                var client = fixture.connect()) {
            fixture.models.script = (answer, options) -> answer.say("ok").end(Stop.STOP);
            for (int round = 0; round < 2 * ROUNDS; round++) {
                byte[] body = mutated(JSON.getBytes(UTF_8));
                client.send(("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.length
                                + "\r\n\r\n")
                        .getBytes(UTF_8));
                client.send(body);
                var response = client.response();
                String told = "round %d, seed %d: %s".formatted(round, SEED, response);
                assertTrue(List.of(200, 400, 404).contains(response.status()), told);
                assertTrue(response.status() == 200 || response.body().startsWith("{\"error\":{\"message\":"), told);
            }
        }
    }

    /** Sends these bytes, ends our side, and looks at every answer that comes back. */
    private static void exchange(RawClient client, byte[] bytes, int round) {
        try {
            client.send(bytes);
            client.socket.shutdownOutput();
            while (true) {
                int status = client.response().status();
                assertTrue(status < 500 || status == 503, "round %d, seed %d: %d".formatted(round, SEED, status));
            }
        } catch (IOException | NumberFormatException | StringIndexOutOfBoundsException e) {
            // The end of the connection, or an answer to a HEAD that this client took for a GET.
        }
    }

    private byte[] randomBytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] mutated(byte[] original) {
        byte[] bytes = original;
        for (int i = 1 + random.nextInt(4); i > 0 && bytes.length > 2; i--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] = (byte) random.nextInt(256);
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes = Arrays.copyOf(bytes, at + 1);
                case 3 -> bytes = spliced(bytes, at, randomBytes(1 + random.nextInt(20)));
                default -> {
                    int from = random.nextInt(bytes.length);
                    int to = Math.min(bytes.length, from + random.nextInt(40));
                    bytes = spliced(bytes, at, Arrays.copyOfRange(bytes, from, to));
                }
            }
        }
        return bytes;
    }

    private static byte[] spliced(byte[] bytes, int at, byte[] more) {
        byte[] out = Arrays.copyOf(bytes, bytes.length + more.length);
        System.arraycopy(more, 0, out, at, more.length);
        System.arraycopy(bytes, at, out, at + more.length, bytes.length - at);
        return out;
    }
}
