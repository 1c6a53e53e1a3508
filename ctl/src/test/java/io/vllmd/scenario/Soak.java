package io.vllmd.scenario;

import io.vllmd.scenario.DaemonProcess.Outcome;
import io.vllmd.scenario.MemoryCurve.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * A daemon with Sprout under {@link MixedLoad}, steered meanwhile, and a {@link MemoryCurve} of it. As a program: {@code
 * java -cp … io.vllmd.scenario.Soak MINUTES PAUSE FOLDER}, from the folder ctl of a built repository, writes soak.csv,
 * soak.svg and soak.md to FOLDER; its exit code tells whether all held.
 */
final class Soak implements AutoCloseable {
    private static final Path SPROUT = DaemonProcess.LAYOUT.resolve("share/sprout");
    private static final int MAX_BATCH = 16;
    private static final double MB = 1e6;

    private final DaemonProcess daemon;
    private final MixedLoad load;
    private final MemoryCurve curve;

    private Soak(DaemonProcess daemon, long seed, int pause) throws IOException, InterruptedException {
        this.daemon = daemon;
        this.load = new MixedLoad(daemon.base(), seed, pause);
        this.curve = new MemoryCurve(daemon);
    }

    /** @param pause mean milliseconds between the deeds of a client */
    static Soak start(Path home, long seed, int pause) throws IOException, InterruptedException {
        // Few bytes for keys and values, so that prefixes are thrown out all the time.
        DaemonProcess daemon =
                DaemonProcess.start(home, "--set", "engine.max-batch=" + MAX_BATCH, "--set", "engine.kv-memory=256MiB");
        try {
            return new Soak(daemon, seed, pause);
        } catch (IOException | InterruptedException | RuntimeException e) {
            daemon.close();
            throw e;
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 3) {
            throw new IllegalArgumentException("Soak MINUTES PAUSE FOLDER; PAUSE in milliseconds, 0 for full load");
        }
        Path home = Files.createTempDirectory("soak");
        boolean held = run(home, Integer.parseInt(arguments[0]), Integer.parseInt(arguments[1]), Path.of(arguments[2]));
        System.exit(held ? 0 : 1);
    }

    /** Runs for so many minutes, writes what it saw to a folder, and tells whether all held. */
    static boolean run(Path home, int minutes, int pause, Path to) throws Exception {
        Files.createDirectories(to);
        try (Soak soak = start(home, 8, pause)) {
            soak.round(4);
            soak.steer();
            Sample before = soak.settled();
            long end = System.nanoTime() + Duration.ofMinutes(minutes).toNanos();
            for (int round = 1; System.nanoTime() < end; round++) {
                soak.round(2);
                soak.curve.take(soak.load.deeds());
                if (round % 20 == 0) {
                    soak.steer();
                }
                soak.curve.write(to.resolve("soak.csv"));
            }
            Sample after = soak.settled();
            List<String> wrong = new ArrayList<>(soak.load.violations());
            wrong.addAll(soak.lost(before, after));
            wrong.addAll(notFlat(soak.curve.samples()));
            soak.curve.write(to.resolve("soak.csv"));
            SoakPicture.write(soak.curve.samples(), to.resolve("soak.svg"));
            Files.writeString(to.resolve("soak.md"), soak.report(minutes, before, after, wrong));
            return wrong.isEmpty();
        }
    }

    MixedLoad load() {
        return load;
    }

    /** Every client does so many deeds, all at once; a sample is taken in the middle of it. */
    void round(int deeds) throws Exception {
        load.run(deeds, () -> curve.take(load.deeds()));
    }

    Sample settled() throws IOException, InterruptedException {
        return curve.settled(load.deeds());
    }

    /** What an operator does meanwhile. */
    void steer() throws IOException, InterruptedException {
        for (List<String> command : List.of(
                List.of("load", SPROUT.toString(), "--name", "second"),
                List.of("limits", "max-batch=5", "prefill-budget=20ms"),
                List.of("limits", "max-batch=" + MAX_BATCH, "prefill-budget=100ms"),
                List.of("unload", "second"))) {
            Outcome outcome = daemon.ctl(command.toArray(String[]::new));
            if (outcome.exit() != 0) {
                throw new IllegalStateException(command + ": " + outcome);
            }
        }
    }

    /** What is not as it was when nothing ran before; none where all is well. */
    List<String> lost(Sample before, Sample after) throws Exception {
        List<String> lost = new ArrayList<>();
        if (after.running() + after.queued() != 0) {
            lost.add("requests that nobody waits for: " + after);
        }
        if (after.kvHeld() != 0) {
            lost.add("keys and values that nobody runs on and nobody may take: " + after);
        }
        if (after.kv() + after.kvFree() != before.kv() + before.kvFree()) {
            lost.add("the bound of keys and values changed: " + before + " to " + after);
        }
        if (after.arrays() - after.kv() > before.arrays() - before.kv() + MB && after.arrays() > before.arrays() + MB) {
            lost.add("memory of arrays grew: " + before + " to " + after);
        }
        // Connections of the client that are idle may come and go.
        if (after.files() > before.files() + 24) {
            lost.add("open files grew: " + before + " to " + after);
        }
        lost.addAll(placesLost());
        return lost;
    }

    /** As many answers as there are places run at once, or a place was lost. */
    private List<String> placesLost() throws Exception {
        Chat chat = new Chat(daemon.base());
        long most = 0;
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int attempt = 0; attempt < 10 && most < MAX_BATCH; attempt++) {
                List<Future<Integer>> answers = new ArrayList<>();
                for (int i = 0; i < MAX_BATCH; i++) {
                    answers.add(clients.submit(() -> chat.post(Chat.request(
                                    "default", "Tell me a story.", 400, ",\"ignore_eos\":true,\"stream\":true"))
                            .status()));
                }
                while (most < MAX_BATCH && answers.stream().noneMatch(Future::isDone)) {
                    most = Math.max(most, curve.take(load.deeds()).running());
                }
                for (Future<Integer> answer : answers) {
                    if (answer.get() != 200) {
                        return List.of("a plain request got " + answer.get());
                    }
                }
            }
        }
        return most == MAX_BATCH ? List.of() : List.of("of " + MAX_BATCH + " places only " + most + " serve");
    }

    /** Of resident memory the last quarter of the samples is where the second quarter was, give or take a little. */
    private static List<String> notFlat(List<Sample> samples) {
        int quarter = samples.size() / 4;
        double early = median(samples.subList(quarter, 2 * quarter));
        double late = median(samples.subList(samples.size() - quarter, samples.size()));
        return late <= 1.05 * early + 8 * MB
                ? List.of()
                : List.of(String.format(Locale.ROOT, "resident %.0f MB became %.0f MB", early / MB, late / MB));
    }

    private static double median(List<Sample> samples) {
        return samples.stream()
                .mapToLong(Sample::resident)
                .sorted()
                .skip(samples.size() / 2)
                .findFirst()
                .orElse(0);
    }

    private String report(int minutes, Sample before, Sample after, List<String> wrong) {
        List<Sample> samples = curve.samples();
        int quarter = samples.size() / 4;
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT, """
                # %d minutes of mixed load

                Clients that join, leave, cancel and err over HTTP, while models are loaded and unloaded and limits change
                (`io.vllmd.scenario.Soak`). Deeds: %s.

                ![resident memory, keys and values, requests, threads and open files over time](soak.svg)

                | | before | after |
                |---|---|---|
                """, minutes, load.summary()));
        row(text, "arrays, MB", before.arrays() / MB, after.arrays() / MB);
        row(text, "keys and values, MB", before.kv() / MB, after.kv() / MB);
        row(text, "of these held by requests, MB", before.kvHeld() / MB, after.kvHeld() / MB);
        row(text, "resident, MB", before.resident() / MB, after.resident() / MB);
        row(
                text,
                "resident, MB, median of the second and of the last quarter",
                median(samples.subList(quarter, 2 * quarter)) / MB,
                median(samples.subList(samples.size() - quarter, samples.size())) / MB);
        row(text, "open files", (double) before.files(), (double) after.files());
        row(text, "threads", (double) before.threads(), (double) after.threads());
        text.append('\n')
                .append(wrong.isEmpty() ? "Nothing was lost; every answer was as expected." : "Not as expected:");
        wrong.forEach(each -> text.append("\n- ").append(each));
        return text.append('\n').toString();
    }

    private static void row(StringBuilder text, String name, double before, double after) {
        text.append(String.format(Locale.ROOT, "| %s | %.1f | %.1f |%n", name, before, after));
    }

    @Override
    public void close() {
        daemon.close();
    }
}
