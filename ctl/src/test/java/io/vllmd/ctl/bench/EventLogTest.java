package io.vllmd.ctl.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EventLogTest {
    private static final String ROLE = delta("{\"role\":\"assistant\",\"content\":\"\"}", "null");
    private static final String USAGE = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":17,\"completion_tokens\":9,"
            + "\"prompt_tokens_details\":{\"cached_tokens\":5}}}\n\n";
    private static final String END = delta("{}", "\"length\"") + USAGE + "data: [DONE]\n\n";

    private static String delta(String delta, String finish) {
        return "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":%s,\"logprobs\":null,\"finish_reason\":%s}],\"usage\":null}\n\n"
                .formatted(delta, finish);
    }

    private static String text(String text) {
        return delta("{\"content\":\"" + text + "\"}", "null");
    }

    private static void feed(EventLog log, long time, String wire) {
        byte[] bytes = wire.getBytes(UTF_8);
        log.now(time);
        log.data(bytes, 0, bytes.length);
    }

    private static Failure failure(EventLog log) {
        return Objects.requireNonNull(log.answer(0, 100, null).failure());
    }

    @Test
    void onlyEventsWithTextCountAndUsageIsRead() {
        var log = new EventLog(1 << 20, true);
        feed(log, 10, ROLE);
        feed(log, 20, text("Once") + ": still here\n\n");
        feed(log, 30, text(" upon \\\"content\\\":\\\"\\\""));
        feed(log, 40, END);
        Answer answer = log.answer(5, 41, null);
        assertNull(answer.failure());
        assertArrayEquals(new long[] {20, 30}, answer.texts());
        assertArrayEquals(new long[] {10}, answer.gaps());
        assertEquals(15, answer.firstNanos());
        assertEquals(36, answer.wholeNanos());
        assertEquals(17, answer.promptTokens());
        assertEquals(9, answer.tokens());
        assertEquals(5, answer.cachedTokens());
        assertEquals("Once upon \"content\":\"\"", answer.text());
    }

    @Test
    void thoughtsAndToolCallsAreText() {
        var log = new EventLog(1 << 20, true);
        feed(log, 1, delta("{\"reasoning_content\":\"hm\",\"reasoning\":\"hm\"}", "null"));
        feed(log, 2, delta("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\"}}]}", "null"));
        feed(log, 3, END);
        Answer answer = log.answer(0, 4, null);
        assertArrayEquals(new long[] {1, 2}, answer.texts());
        assertEquals("", answer.text(), "neither is the answer's own text");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void itIsTheSameHoweverTheBytesAreCutAndHoweverLittleIsKept(long seed) {
        var random = new Random(seed);
        var wire = new StringBuilder(ROLE);
        for (int i = 0; i < 200; i++) {
            wire.append(text("wörd " + random.nextInt(1000)));
        }
        byte[] bytes = wire.append(END)
                .toString()
                .replace("\n", random.nextBoolean() ? "\r\n" : "\n")
                .getBytes(UTF_8);
        var log = new EventLog(random.nextInt(2000), true);
        int[] cuts = random.ints(100, 0, bytes.length + 1).sorted().toArray();
        int at = 0;
        for (int i = 0; i <= cuts.length; i++) {
            int to = i < cuts.length ? cuts[i] : bytes.length;
            log.now(i);
            log.data(bytes, at, to);
            at = to;
        }
        assertEquals(204, log.events());
        Answer answer = log.answer(-1, 1000, null);
        assertNull(answer.failure());
        assertEquals(200, answer.texts().length);
        assertEquals(200, answer.text().split("wörd", -1).length - 1);
    }

    @Test
    void anErrorInTheMiddleIsTheAnswersFailure() {
        var log = new EventLog(1 << 20, false);
        feed(
                log,
                1,
                text("half") + "data: {\"error\":{\"message\":\"The engine broke.\",\"type\":\"server_error\"}}\n\n");
        Failure failure = failure(log);
        assertEquals(Failure.Kind.ERROR, failure.kind());
        assertEquals("The engine broke.", failure.detail());
    }

    @Test
    void aStreamThatJustEndsIsBrokenAndOneWithoutTextIsEmpty() {
        var broken = new EventLog(1 << 20, false);
        feed(broken, 1, ROLE + text("half"));
        assertEquals(Failure.Kind.BROKEN, failure(broken).kind());
        var empty = new EventLog(1 << 20, false);
        feed(empty, 1, ROLE + END);
        assertEquals(Failure.Kind.EMPTY, failure(empty).kind());
    }

    @Test
    void whatIsNoJsonIsToldSo() {
        var log = new EventLog(1 << 20, false);
        feed(log, 1, "data: {\"choices\": oops}\n\n" + END);
        Failure failure = failure(log);
        assertEquals(Failure.Kind.ERROR, failure.kind());
        assertTrue(failure.detail().contains("oops"), failure.detail());
    }

    @Test
    void withoutUsageAnEventIsAToken() {
        var log = new EventLog(1 << 20, false);
        feed(log, 1, text("a") + text("b") + "data: [DONE]\n\n");
        Answer answer = log.answer(0, 2, null);
        assertEquals(2, answer.tokens());
        assertEquals(-1, answer.promptTokens());
    }
}
