package io.vllmd.control.protocol;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class MessageCodecTest {

    static Stream<Message> messages() {
        return Stream.of(
                new Message.Request(7L, "load", Map.of("model", "a\nb \"c\" ü \uD83D\uDE00", "n", 1.5, "yes", true)),
                new Message.Request("id", "status", Map.of()),
                new Message.Notification("load.progress", Map.of("list", List.of(Map.of("x", Long.MAX_VALUE), "y"))),
                new Message.Result(7L, Map.of()),
                new Message.Failure(7L, -32001, "no", Map.of("kind", "not_found")),
                new Message.Failure(null, -32700, "no", Map.of()));
    }

    @ParameterizedTest
    @MethodSource("messages")
    void aMessageComesBackFromItsLine(Message message) throws Exception {
        byte[] line = MessageCodec.encode(message);
        String text = new String(line, UTF_8);
        assertEquals(text.length() - 1, text.indexOf('\n'), "one line, ended: " + text);
        assertEquals(message, MessageCodec.decode(line));
    }

    @Test
    void aFailureWithoutARequestHasANullId() {
        String line = new String(MessageCodec.encode(new Message.Failure(null, 1, "x", Map.of())), UTF_8);
        assertTrue(line.contains("\"id\":null"), line);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\1',
            value = {
                "                                                              | -32700",
                "nonsense                                                      | -32700",
                "[]                                                            | -32700",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"} {}            | -32700",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"x\"}      | -32700",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"a\":[null]}} | -32700",
                "{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999,\"method\":\"x\"} | -32700",
                "{}                                                            | -32600",
                "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}               | -32600",
                "{\"jsonrpc\":\"2.0\",\"id\":1}                                | -32600",
                "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"x\"}             | -32600",
                "{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"x\"}              | -32600",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}                   | -32600",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[]} | -32600",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}                   | -32600",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}                   | -32600",
            })
    void aLineThatIsNoMessageHasItsAnswer(String line, int code) {
        String text = line == null ? "" : line;
        var e = assertThrows(MalformedMessageException.class, () -> MessageCodec.decode(text.getBytes(UTF_8)));
        assertEquals(code, e.answer().code());
        assertFalse(e.answer().message().isBlank());
    }

    @Test
    void theAnswerCarriesTheIdWhereItCouldBeRead() {
        var e = assertThrows(
                MalformedMessageException.class,
                () -> MessageCodec.decode("{\"id\":\"mine\",\"method\":\"x\"}".getBytes(UTF_8)));
        assertEquals("mine", e.answer().id());
    }

    @Test
    void nestingBeyondTheBoundIsRefused() {
        String line = "{\"a\":" + "[".repeat(10_000) + "]".repeat(10_000) + "}";
        var e = assertThrows(MalformedMessageException.class, () -> MessageCodec.decode(line.getBytes(UTF_8)));
        assertEquals(ErrorCode.PARSE.code(), e.answer().code());
    }

    @Test
    void noDamageToALineDoesMoreThanBeRefused() throws Exception {
        var random = new Random(20261124);
        int refused = 0;
        var lines = messages().map(MessageCodec::encode).toList();
        for (int i = 0; i < 20_000; i++) {
            byte[] line = lines.get(random.nextInt(lines.size())).clone();
            for (int n = 1 + random.nextInt(4); n > 0; n--) {
                line[random.nextInt(line.length)] = (byte) random.nextInt(256);
            }
            try {
                MessageCodec.decode(line);
            } catch (MalformedMessageException e) {
                refused++;
            }
        }
        assertTrue(refused > 10_000, "refused " + refused);
    }

    @Test
    void everyKindOfProblemHasItsCode() {
        for (var kind : Problem.Kind.values()) {
            var answer = ErrorCode.answer(1L, Problem.of(kind, "text", "subject", "limit"));
            assertEquals(ErrorCode.of(kind), ErrorCode.of(answer.code()).orElseThrow());
            assertEquals("subject", answer.data().get("subject"));
            assertEquals("limit", answer.data().get("limit"));
        }
        assertEquals(4, ErrorCode.NOT_FOUND.exit());
        assertEquals(5, ErrorCode.CONFLICT.exit());
        assertEquals(1, ErrorCode.INTERNAL.exit());
    }
}
