package io.vllmd.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.control.protocol.EngineReports;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.Reports;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class BenchCommandTest {
    @TempDir
    Path home;

    private Run.World world;

    @BeforeEach
    void makeWorld() {
        world = new Run.World(home);
    }

    private Run bench(StandInServer server, String... more) {
        return world.run(Stream.concat(Stream.of("bench", "--url", server.url()), Arrays.stream(more))
                .toArray(String[]::new));
    }

    /** Follows names and list positions into a JSON tree. */
    private static Object at(Object tree, Object... path) {
        Object here = tree;
        for (Object step : path) {
            Object next = step instanceof Integer i ? ((List<?>) here).get(i) : ((Map<?, ?>) here).get(step);
            here = Objects.requireNonNull(next, () -> "nothing at " + Arrays.toString(path));
        }
        return here;
    }

    @Test
    void eachPointIsARowOfTheTable() throws Exception {
        try (var server = new StandInServer(StandInServer::wellBehaved)) {
            var run = bench(server, "--streams", "1,3", "--prompt-tokens", "64,1k", "--tokens", "5", "--repeat", "2");
            assertEquals(ExitCode.OK, run.exit(), run.err());
            var rows =
                    run.lines().stream().filter(line -> line.contains(" cold ")).toList();
            assertEquals(4, rows.size(), run.out());
            assertTrue(rows.getFirst().startsWith("64 "), run.out());
            assertTrue(rows.getLast().startsWith("1024 "), run.out());
            assertTrue(run.out().contains("model stand-in"), run.out());
            int gauging = 2;
            assertEquals(gauging + 2 * 3 * (1 + 3), server.asked());
            assertEquals("", run.err());
        }
    }

    @Test
    void jsonHoldsTheMachineTheSettingsAndEveryFigure() throws Exception {
        try (var server = new StandInServer(StandInServer::wellBehaved)) {
            var json = bench(server, "--json", "--streams", "2", "--tokens", "6", "--repeat", "3", "--seed", "5")
                    .json();
            assertEquals("bench", at(json, "command"));
            assertEquals(1L, at(json, "benchSchema"));
            assertTrue((Long) at(json, "machine", "cores") > 0);
            assertEquals(5L, at(json, "settings", "seed"));
            assertEquals("stand-in", at(json, "server", "model"));
            Object side = at(json, "cells", 0, "server");
            assertEquals(6.0, at(side, "completionTokens", "p50"));
            assertEquals(256.0, at(side, "promptTokens", "p50"));
            assertEquals(3.0, at(side, "cachedTokens", "p50"));
            assertEquals(6L, at(side, "requests"));
            assertEquals(Map.of(), at(side, "failures"));
            assertEquals(6L, at(side, "ttftMs", "count"));
            assertEquals(30L, at(side, "gapMs", "count"));
            assertEquals(3L, at(side, "tokensPerSecond", "count"));
        }
    }

    @Test
    void withABaselineBothGetTheSamePromptsInTurns() throws Exception {
        List<String> order = Collections.synchronizedList(new ArrayList<>());
        List<List<String>> prompts = List.of(new ArrayList<>(), new ArrayList<>());
        StandInServer.Script a = (asked, reply) -> {
            order.add("A");
            prompts.get(0).add(asked.prompt());
            StandInServer.wellBehaved(asked, reply);
        };
        StandInServer.Script b = (asked, reply) -> {
            order.add("B");
            prompts.get(1).add(asked.prompt());
            StandInServer.wellBehaved(asked, reply);
        };
        try (var first = new StandInServer(a);
                var second = new StandInServer(b)) {
            var json = bench(first, "--json", "--baseline-url", second.url(), "--streams", "1", "--repeat", "3")
                    .json();
            assertEquals(List.of("A", "A", "A", "B", "B", "A", "A", "B", "B", "A"), order, "two to gauge, then turns");
            assertEquals(prompts.get(0).subList(2, 6), prompts.get(1));
            assertTrue((Double) at(json, "cells", 0, "ratio", "tokensPerSecond") > 0);
            var table = bench(first, "--baseline-url", second.url(), "--streams", "1", "--repeat", "1");
            assertTrue(table.out().contains("A / B"), table.out());
        }
    }

    @Test
    void aBrokenLimitIsTheExitCode() throws Exception {
        StandInServer.Script failing = (asked, reply) -> {
            if (asked.number() % 2 == 0) {
                StandInServer.wellBehaved(asked, reply);
            } else {
                reply.begin();
                reply.text("half");
                reply.event("{\"error\":{\"message\":\"out of memory\"}}");
            }
        };
        try (var server = new StandInServer(failing)) {
            Path prompts = Files.writeString(home.resolve("prompts"), "one\ntwo\n\nthree\n");
            String[] options = {
                "--streams",
                "1",
                "--requests",
                "4",
                "--repeat",
                "1",
                "--warm-up",
                "0",
                "--prompt-file",
                prompts.toString()
            };
            var run = bench(
                    server,
                    Stream.concat(Arrays.stream(options), Stream.of("--max-failures", "1"))
                            .toArray(String[]::new));
            assertEquals(ExitCode.LIMIT_BROKEN, run.exit(), run.out());
            assertTrue(run.out().contains("2 of 4 requests failed"), run.out());
            assertTrue(run.out().contains("out of memory"), run.out());
            assertEquals(
                    ExitCode.OK,
                    bench(
                                    server,
                                    Stream.concat(Arrays.stream(options), Stream.of("--max-failures", "2"))
                                            .toArray(String[]::new))
                            .exit());
        }
    }

    @Test
    void aPointThatTheServerRefusesIsToldAndTheOthersAreMeasured() throws Exception {
        StandInServer.Script small = (asked, reply) -> {
            if (asked.promptTokens() > 1000) {
                reply.whole(400, "{\"error\":{\"message\":\"maximum context length is 1000 tokens\"}}");
            } else {
                StandInServer.wellBehaved(asked, reply);
            }
        };
        try (var server = new StandInServer(small)) {
            var run = bench(server, "--streams", "1", "--prompt-tokens", "2k,128", "--max-p95-ttft", "60000");
            assertEquals(ExitCode.OK, run.exit(), run.out());
            assertTrue(run.out().contains("was not measured: 400: maximum context length is 1000 tokens"), run.out());
            assertEquals(
                    1,
                    run.lines().stream().filter(line -> line.contains(" cold ")).count());
        }
    }

    @Test
    void noMoreRequestsRunAtOnceThanThereAreStreams() throws Exception {
        var running = new AtomicInteger();
        var most = new AtomicInteger();
        var pairs = new Semaphore(0);
        StandInServer.Script counting = (asked, reply) -> {
            most.accumulateAndGet(running.incrementAndGet(), Math::max);
            if (asked.number() % 2 == 0) {
                // Ends only when the next one came: were one at a time sent, nothing would go on.
                pairs.acquireUninterruptibly();
            } else {
                pairs.release();
            }
            running.decrementAndGet();
            StandInServer.wellBehaved(asked, reply);
        };
        try (var server = new StandInServer(counting)) {
            Path prompts = Files.writeString(home.resolve("prompts"), "hello");
            var run = bench(
                    server,
                    "--streams",
                    "2",
                    "--requests",
                    "12",
                    "--repeat",
                    "1",
                    "--warm-up",
                    "0",
                    "--prompt-file",
                    prompts.toString());
            assertEquals(ExitCode.OK, run.exit(), run.err());
            assertEquals(12, server.asked());
            assertEquals(2, most.get());
        }
    }

    @Test
    void aPromptJoinsOnceAllStreamsRun() throws Exception {
        var joined = new CountDownLatch(1);
        StandInServer.Script script = (asked, reply) -> {
            boolean late = asked.promptTokens() > 400;
            reply.begin();
            for (int i = 0; i < asked.maxTokens(); i++) {
                if (i == 40 && !late && asked.maxTokens() == 80) {
                    awaitQuietly(joined);
                }
                reply.text(" w" + i);
            }
            if (late) {
                joined.countDown();
            }
            reply.end(asked.promptTokens(), asked.maxTokens(), 0);
        };
        try (var server = new StandInServer(script)) {
            var run = bench(
                    server,
                    "--streams",
                    "3",
                    "--tokens",
                    "80",
                    "--prompt-tokens",
                    "64",
                    "--admit",
                    "512",
                    "--repeat",
                    "1",
                    "--warm-up",
                    "0");
            assertEquals(ExitCode.OK, run.exit(), run.err());
            assertTrue(run.out().contains("before the prompt joined"), run.out());
            assertEquals(2 + 3 + 1, server.asked());
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void aSilentRequestHasFailed() throws Exception {
        var never = new CountDownLatch(1);
        StandInServer.Script silent = (asked, reply) -> {
            reply.begin();
            awaitQuietly(never);
        };
        try (var server = new StandInServer(silent)) {
            Path prompts = Files.writeString(home.resolve("prompts"), "hello");
            var run = bench(
                    server,
                    "--streams",
                    "2",
                    "--repeat",
                    "1",
                    "--warm-up",
                    "0",
                    "--stall",
                    "1",
                    "--prompt-file",
                    prompts.toString(),
                    "--max-failures",
                    "0");
            assertEquals(ExitCode.LIMIT_BROKEN, run.exit(), run.out());
            assertTrue(run.out().contains("nothing came for 1 s"), run.out());
            var short1 = bench(
                    server,
                    "--streams",
                    "1",
                    "--repeat",
                    "1",
                    "--warm-up",
                    "0",
                    "--prompt-file",
                    prompts.toString(),
                    "--timeout",
                    "1");
            assertEquals(ExitCode.TIMED_OUT, short1.exit(), short1.err());
            never.countDown();
        }
    }

    @Test
    void withoutAUrlTheDaemonTellsIt() throws Exception {
        try (var server = new StandInServer(StandInServer::wellBehaved);
                var daemon = new StandInDaemon(home.resolve("ctl.sock"), Methods.PROTOCOL)) {
            daemon.answer(
                    Methods.STATUS,
                    new Reports.Status(
                                    "9.8.7",
                                    Methods.PROTOCOL,
                                    42,
                                    1,
                                    server.url(),
                                    "cpu",
                                    "text-default",
                                    "stand-in",
                                    new Reports.Status.Memory(1, 1, 1),
                                    EngineReports.Figures.NONE,
                                    List.of(),
                                    List.of(),
                                    false)
                            .tree());
            var run = world.run("bench", "--streams", "1", "--repeat", "1", "--tokens", "3");
            assertEquals(ExitCode.OK, run.exit(), run.err());
            assertTrue(run.out().contains(server.url()), run.out());
        }
        assertEquals(ExitCode.NOT_RUNNING, world.run("bench").exit());
    }

    @Test
    void aServerThatIsNotThereIsNamed() {
        var run = world.run("bench", "--url", "http://127.0.0.1:9");
        assertEquals(ExitCode.REFUSED, run.exit(), run.err());
        assertTrue(run.err().contains("http://127.0.0.1:9") && run.err().contains("--url"), run.err());
    }

    @ParameterizedTest
    @CsvSource({
        "--streams,zero,--streams",
        "--streams,0,--streams",
        "--cache,lukewarm,prefix-miss",
        "--repeat,0,--repeat",
        "--rate,-1,--rate",
        "--body,[1],--body",
        "--prompt-file,/nowhere,/nowhere",
        "--url,https://example.org,http://",
        "--min-ratio,2,--baseline-url"
    })
    void whatCannotBeMeantIsAUsageErrorThatSaysSo(String option, String value, String told) throws Exception {
        try (var server = new StandInServer(StandInServer::wellBehaved)) {
            var run = option.equals("--url") ? world.run("bench", option, value) : bench(server, option, value);
            assertEquals(ExitCode.USAGE, run.exit(), run.err());
            assertTrue(run.err().contains(told), run.err());
        }
    }
}
