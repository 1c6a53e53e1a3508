package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vllmd.scenario.Completions.Reply;
import io.vllmd.scenario.Completions.Tree;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What vllm-mlx got wrong in availability and use of resources, by the numbers of the inventory that vllmd was begun
 * with: each row that its engine or caches had to do with, against a daemon with the real model.
 */
@Timeout(600)
class ServiceWeaknessesIT {
    private static final String STORY = "Tell me a short story about a cat.";

    /** Goes on until its tokens are made, whatever the model wants. */
    private static final String GOES_ON = ",\"temperature\":0,\"ignore_eos\":true,\"repetition_policy\":\"off\"";

    @TempDir
    private static Path home;

    private static DaemonProcess daemon;
    private static Completions chat;

    @BeforeAll
    static void start() throws IOException {
        daemon = DaemonProcess.start(home);
        chat = new Completions(daemon.base());
    }

    @AfterAll
    static void stop() {
        daemon.close();
    }

    private static void limits(String... changes) throws Exception {
        List<String> command = new ArrayList<>(List.of("limits"));
        command.addAll(List.of(changes));
        DaemonProcess.Outcome outcome = daemon.ctl(command.toArray(String[]::new));
        assertEquals(0, outcome.exit(), outcome.toString());
    }

    private static Tree engine() throws Exception {
        return chat.get("/health").at("engine");
    }

    private static void awaitRunning(int requests, int queued) throws Exception {
        Tree engine = engine();
        while (engine.at("running").number().intValue() != requests
                || engine.at("queued").number().intValue() != queued) {
            engine = engine();
        }
    }

    /** Sends a request over a connection of its own, which a test closes when it likes. */
    private static Socket open(String body) throws IOException {
        URI address = URI.create(daemon.base());
        Socket socket = new Socket(address.getHost(), address.getPort());
        OutputStream out = socket.getOutputStream();
        out.write("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(body.length(), body)
                .getBytes(StandardCharsets.US_ASCII));
        out.flush();
        return socket;
    }

    @Test
    void row20ALongPromptHoldsUpNobodyElse() throws Exception {
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            AtomicInteger heard = new AtomicInteger();
            CountDownLatch streaming = new CountDownLatch(3);
            Future<List<Tree>> stream =
                    clients.submit(() -> chat.stream(Completions.ask(STORY, 600, GOES_ON), chunk -> {
                        heard.incrementAndGet();
                        streaming.countDown();
                    }));
            streaming.await();
            int before = heard.get();
            Reply reply = chat.answer(Completions.ask("river stone cloud ".repeat(600), 1, ""));
            assertTrue(reply.usage("prompt_tokens") > 1700, reply.body().toString());
            int meanwhile = heard.get() - before;
            assertTrue(meanwhile >= 5, meanwhile + " tokens came while the prompt was read");
            assertEquals(
                    "length",
                    Completions.ending(stream.get()).at("finish_reason").text());
        }
    }

    @Test
    void rows22And23And24HealthAnswersWhileAnswersAreMade() throws Exception {
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            CountDownLatch streaming = new CountDownLatch(1);
            Future<List<Tree>> stream = clients.submit(
                    () -> chat.stream(Completions.ask(STORY, 600, GOES_ON), chunk -> streaming.countDown()));
            streaming.await();
            for (int i = 0; i < 20; i++) {
                assertEquals("ok", chat.get("/health").at("status").text());
            }
            assertFalse(stream.isDone(), "health waited for the stream");
            stream.get();
        }
    }

    @Test
    void row25AClientThatLeavesStopsItsAnswerWholeOrStreamed() throws Exception {
        for (String more : List.of("", ",\"stream\":true", ",\"n\":4")) {
            try (Socket socket = open(Completions.ask(STORY, 3900, GOES_ON + more))) {
                awaitRunning(more.contains("n\":4") ? 4 : 1, 0);
                assertTrue(socket.isConnected());
            }
            awaitRunning(0, 0);
        }
        assertEquals(200, chat.send(Completions.ask("Who are you?", 10, "")).status());
    }

    @Test
    void rows26And98RequestsWaitInAQueueWithABoundAndMoreAreAskedToComeAgain() throws Exception {
        limits("max-batch=1", "queue=2");
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Reply>> taken = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                taken.add(clients.submit(() -> chat.send(Completions.ask(STORY, 600, GOES_ON))));
            }
            awaitRunning(1, 2);
            Reply refused = chat.send(Completions.ask(STORY, 10, ""));
            assertEquals(429, refused.status(), refused.body().toString());
            assertTrue(refused.headers().firstValue("retry-after").isPresent());
            assertEquals(
                    "rate_limit_exceeded", refused.body().at("error", "code").text());
            assertTrue(refused.body().at("error", "message").text().contains("engine.queue"));
            for (Future<Reply> each : taken) {
                assertEquals(200, each.get().status());
            }
        } finally {
            limits("max-batch=16", "queue=64");
        }
    }

    @Test
    void rows28And29RequestsJoinAndLeaveARunningBatch() throws Exception {
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            CountDownLatch streaming = new CountDownLatch(1);
            AtomicBoolean ended = new AtomicBoolean();
            Future<List<Tree>> longOne = clients.submit(() -> {
                List<Tree> chunks = chat.stream(Completions.ask(STORY, 900, GOES_ON), chunk -> streaming.countDown());
                ended.set(true);
                return chunks;
            });
            streaming.await();
            for (int i = 0; i < 5; i++) {
                assertEquals(
                        3,
                        chat.answer(Completions.ask("Who are you?", 3, GOES_ON)).usage("completion_tokens"));
            }
            assertFalse(ended.get(), "those that came later had to wait for the first");
            longOne.get();
        }
    }

    @Test
    void row34AnIdenticalPromptIsReadOnce() throws Exception {
        String request = Completions.ask("lamp green seven ".repeat(300), 5, ",\"temperature\":0");
        Reply first = chat.answer(request);
        Reply second = chat.answer(request);
        assertTrue(first.cached() < 64, "nobody asked this before");
        assertEquals(first.usage("prompt_tokens") - 1, second.cached());
        assertEquals(first.text(), second.text());
    }

    @Test
    void rows21And27And31MemoryHasABoundWhichRequestsWaitForAndGiveBack() throws Exception {
        List<String> requests = new ArrayList<>();
        for (String subject : List.of("cat", "dog", "sea", "moon", "rain", "bread", "tree", "snow")) {
            requests.add(Completions.ask((subject + " under the bridge ").repeat(60), 60, GOES_ON));
        }
        List<String> alone = new ArrayList<>();
        for (String request : requests) {
            alone.add(chat.answer(request).text());
        }
        limits("kv-memory=8MiB");
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int round = 0; round < 3; round++) {
                List<Future<Reply>> together = requests.stream()
                        .map(request -> clients.submit(() -> chat.answer(request)))
                        .toList();
                for (int i = 0; i < requests.size(); i++) {
                    assertEquals(alone.get(i), together.get(i).get().text());
                }
            }
            awaitRunning(0, 0);
            Tree engine = engine();
            assertEquals(8 << 20, engine.at("kvLimitBytes").number().intValue());
            assertTrue(engine.at("kvBytes").number().longValue() <= 8 << 20, engine.toString());
            assertEquals(engine.at("kvBytes"), engine.at("kvIdleBytes"), "something is held for nobody");

            Reply refused = chat.send(Completions.ask("river stone cloud ".repeat(600), 10, ""));
            assertEquals(413, refused.status(), refused.body().toString());
            assertTrue(refused.body().at("error", "message").text().contains("engine.kv-memory"));
        } finally {
            limits("kv-memory=4GiB");
        }
    }

    @Test
    void row92WhatAClientThatGaveUpHadReadIsThereWhenItComesAgain() throws Exception {
        String prompt = "bread sky under ".repeat(500);
        long readBefore = engine().at("promptTokens").number().longValue();
        try (Socket socket = open(Completions.ask(prompt, 1000, GOES_ON))) {
            while (engine().at("promptTokens").number().longValue() < readBefore + 64) {
                assertTrue(socket.isConnected());
            }
        }
        awaitRunning(0, 0);
        Reply again = chat.answer(Completions.ask(prompt, 1, ""));
        assertTrue(again.cached() >= 64, again.body().toString());
    }

    @Test
    void row39AnEngineWithoutWorkDoesNothing() throws Exception {
        Path tasks = Path.of("/proc/" + daemon.process().pid() + "/task");
        assumeTrue(Files.isDirectory(tasks), "the system does not tell what its threads do");
        chat.answer(Completions.ask("Who are you?", 10, ""));
        awaitRunning(0, 0);
        Path engine = thread(tasks, "mlx");
        long before = switches(engine);
        for (int i = 0; i < 50; i++) {
            assertEquals("ok", chat.get("/health").at("status").text());
        }
        assertEquals(before, switches(engine), "the engine's thread woke up without work");
    }

    private static Path thread(Path tasks, String name) throws IOException {
        try (Stream<Path> all = Files.list(tasks)) {
            for (Path task : all.toList()) {
                if (Files.readString(task.resolve("comm")).strip().equals(name)) {
                    return task;
                }
            }
        }
        throw new AssertionError("no thread " + name + " in " + tasks);
    }

    private static long switches(Path task) throws IOException {
        return Files.readAllLines(task.resolve("status")).stream()
                .filter(line -> line.startsWith("voluntary_ctxt_switches"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
