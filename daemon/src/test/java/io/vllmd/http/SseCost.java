package io.vllmd.http;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.vllmd.runtime.Answer.Stop;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Benchmark: what one server-sent event costs the server in CPU time, from the queue of an answer to the socket. The
 * server runs in a process of its own over scripted answers; a step hands one piece to every stream, as an engine does.
 * On Linux only the threads that write count (the event loop and those that carry the requests); elsewhere the whole
 * process, the stand-in for the engine and the compiler included.
 *
 * <p>Run its main with the test class path; no arguments.
 */
final class SseCost {
    private static final String PIECE = " token";

    private SseCost() {}

    private record Load(int streams, int events, int stepsPerSecond) {}

    private static final Load WARM_UP = new Load(1, 100_000, 20_000);

    private static final List<Load> LOADS = List.of(
            new Load(1, 2_000, 200), new Load(1, 200_000, 0), new Load(16, 1_000, 100), new Load(64, 1_000, 50));

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0) {
            serve();
            return;
        }
        var process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx128m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SseCost.class.getName(),
                        "serve")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (var out = new BufferedReader(new InputStreamReader(process.getInputStream(), US_ASCII))) {
            int port = Integer.parseInt(out.readLine());
            System.out.println("streams  events each  steps/s   seconds   events/s  server CPU per event  resident");
            countEvents(port, WARM_UP);
            for (Load load : LOADS) {
                measure(process.toHandle(), port, load);
            }
        } finally {
            process.destroy();
        }
    }

    private static void measure(ProcessHandle server, int port, Load load) throws Exception {
        long cpuBefore = cpuNanos(server);
        long start = System.nanoTime();
        long events = 0;
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var clients = new ArrayList<Future<Long>>();
            for (int i = 0; i < load.streams(); i++) {
                clients.add(threads.submit((Callable<Long>) () -> countEvents(port, load)));
            }
            for (var client : clients) {
                events += client.get();
            }
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        double micros = (cpuNanos(server) - cpuBefore) / 1e3 / events;
        System.out.printf(
                "%7d %12d %8s %9.2f %10.0f %18.1f µs  %s%n",
                load.streams(),
                load.events(),
                load.stepsPerSecond() == 0 ? "max" : load.stepsPerSecond(),
                seconds,
                events / seconds,
                micros,
                resident(server));
    }

    /** Reads one stream to its end, counting the beginnings of events. */
    private static long countEvents(int port, Load load) throws IOException {
        try (var client = new RawClient(port)) {
            client.chat("""
                    {"stream":true,"max_tokens":%d,"top_k":%d,"messages":[{"role":"user","content":"%d"}]}""".formatted(load.events(), load.stepsPerSecond(), load.streams()));
            InputStream in = client.socket.getInputStream();
            byte[] buffer = new byte[64 << 10];
            long count = 0;
            String tail = "";
            while (!tail.endsWith("0\r\n\r\n")) {
                int n = in.read(buffer);
                if (n < 0) {
                    throw new IOException("the stream broke off");
                }
                for (int i = 1; i < n; i++) {
                    if (buffer[i] == '\n' && buffer[i - 1] == '\n') {
                        count++;
                    }
                }
                tail = new String(buffer, Math.max(0, n - 5), Math.min(5, n), US_ASCII);
            }
            return count;
        }
    }

    /** The server's side: a request's fields say how much it wants how fast, and how many streams share a step. */
    private static void serve() throws Exception {
        var fixture = new ServerFixture();
        System.out.println(fixture.server.port());
        var wanted = new LinkedBlockingQueue<Load>();
        fixture.models.script = (answer, options) -> wanted.add(new Load(
                Integer.parseInt(String.valueOf(fixture.models
                        .conversations
                        .remove()
                        .getFirst()
                        .fields()
                        .get("content"))),
                options.ending().maxTokens(),
                options.sampling().topK()));
        while (true) {
            Load load = wanted.take();
            var answers = new ArrayList<ScriptedAnswer>();
            answers.add(fixture.models.started.take());
            while (answers.size() < load.streams()) {
                wanted.take();
                answers.add(fixture.models.started.take());
            }
            long pause = load.stepsPerSecond() == 0 ? 0 : TimeUnit.SECONDS.toNanos(1) / load.stepsPerSecond();
            long next = System.nanoTime();
            for (int i = 0; i < load.events(); i++) {
                for (ScriptedAnswer answer : answers) {
                    answer.say(PIECE);
                }
                next += pause;
                LockSupport.parkNanos(next - System.nanoTime());
            }
            answers.forEach(answer -> answer.end(Stop.LENGTH));
        }
    }

    private static long cpuNanos(ProcessHandle process) throws IOException {
        Path tasks = Path.of("/proc", Long.toString(process.pid()), "task");
        if (!Files.exists(tasks)) {
            return process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos();
        }
        long nanos = 0;
        try (var threads = Files.list(tasks)) {
            for (Path thread : threads.toList()) {
                String name = Files.readString(thread.resolve("comm"));
                if (name.startsWith("http-") || name.startsWith("ForkJoinPool")) {
                    nanos += Long.parseLong(
                            Files.readString(thread.resolve("schedstat")).split(" ")[0]);
                }
            }
        }
        return nanos;
    }

    private static String resident(ProcessHandle process) throws IOException {
        Path status = Path.of("/proc", Long.toString(process.pid()), "status");
        if (!Files.exists(status)) {
            return "";
        }
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("VmRSS"))
                .findFirst()
                .orElse("")
                .replace("VmRSS:", "")
                .strip();
    }
}
