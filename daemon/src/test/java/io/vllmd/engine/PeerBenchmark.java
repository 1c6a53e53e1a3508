package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.DeviceDescription;
import io.vllmd.mlx.DevicePolicy;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The engine's side of docs/benchmarks/run/mlx_lm_workloads.py: the same prompts, the same numbers of tokens, greedy,
 * without guessing ahead or cached prefixes. Arguments: the model's folder, a file with a prompt's ids a line,
 * repetitions (5), then "deterministic" for requests that are, or "price" to compare the two, in turns. Prints medians, a
 * line each.
 */
public final class PeerBenchmark {
    private static final int SINGLE_TOKENS = 256;
    private static final int TOKENS = 64;
    private static final int[] STREAMS = {1, 2, 4, 8, 16};
    private static final int[] PROMPTS = {512, 4096};

    private final Lane lane;
    private final List<int[]> prompts;
    private final int repetitions;
    private boolean deterministic;

    private PeerBenchmark(Lane lane, List<int[]> prompts, int repetitions, boolean deterministic) {
        this.lane = lane;
        this.prompts = prompts;
        this.repetitions = repetitions;
        this.deterministic = deterministic;
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        List<int[]> prompts;
        try (Stream<String> lines = Files.lines(Path.of(arguments[1]))) {
            prompts = lines.map(line -> Arrays.stream(line.split(" "))
                            .mapToInt(Integer::parseInt)
                            .toArray())
                    .toList();
        }
        EngineLimits limits = new EngineLimits(16, 64, Duration.ofMillis(100), 2048, 8L << 30, false, 0, false);
        try (MlxThread mlx = MlxThread.start("mlx");
                Engine engine = new Engine(mlx, limits)) {
            Device device = mlx.call(() -> {
                Device preferred = Device.preferred();
                DevicePolicy.of(DeviceDescription.gpu().orElseGet(DeviceDescription::cpu))
                        .apply();
                return preferred;
            });
            LanguageModel model = ModelLoader.load(ModelFolder.open(folder), mlx, fraction -> {});
            long begin = System.nanoTime();
            if (device == Device.GPU) {
                KernelWarmUp.run(mlx, model, 0);
            }
            System.out.printf("warm-up %.1f s%n", (System.nanoTime() - begin) / 1e9);
            Lane lane = engine.attach(model, folder.getFileName().toString());
            boolean deterministic = arguments.length > 3 && arguments[3].equals("deterministic");
            int repetitions = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 5;
            PeerBenchmark benchmark = new PeerBenchmark(lane, prompts, repetitions, deterministic);
            if (arguments.length > 3 && arguments[3].equals("price")) {
                benchmark.price();
            } else {
                benchmark.run();
            }
            lane.detach().join();
            mlx.call(() -> {
                model.close();
                return true;
            });
        }
    }

    private void run() throws InterruptedException {
        String name = deterministic ? "deterministic " : "";
        answers(2, SINGLE_TOKENS);
        EngineStats before = lane.stats();
        tell(name + "single decode", median(() -> decodeRate(answers(1, SINGLE_TOKENS))));
        EngineStats after = lane.stats();
        double steps = 1e6 * (after.steps() - before.steps());
        System.out.printf(
                "%sms a step: host %.3f, encoding %.3f, waiting %.3f%n",
                name,
                (after.hostNanos() - before.hostNanos()) / steps,
                (after.encodeNanos() - before.encodeNanos()) / steps,
                (after.waitNanos() - before.waitNanos()) / steps);
        for (int streams : STREAMS) {
            tell(name + "decode of " + streams, median(() -> decodeRate(answers(streams, SINGLE_TOKENS))));
            tell(name + "batch of " + streams, median(() -> wallRate(answers(streams, TOKENS))));
        }
        tell(name + "headline", median(() -> wallRate(answers(prompts.size(), TOKENS))));
        for (int length : PROMPTS) {
            int[] prompt = IntStream.range(0, length).map(i -> i * 7 % 5000).toArray();
            tell(name + "prefill of " + length, median(() -> length / seconds(run(List.of(prompt), 1))));
        }
    }

    /** What it costs that answers depend on nothing beside them. */
    private void price() throws InterruptedException {
        answers(2, SINGLE_TOKENS);
        for (int streams : STREAMS) {
            double[][] rates = new double[2][2 * repetitions];
            for (int i = 0; i < 4 * repetitions; i++) {
                // Free, exact, exact, free: what drifts touches both alike.
                deterministic = i % 4 == 1 || i % 4 == 2;
                rates[deterministic ? 1 : 0][i / 2] = decodeRate(answers(streams, SINGLE_TOKENS));
            }
            Arrays.sort(rates[0]);
            Arrays.sort(rates[1]);
            System.out.printf(
                    "decode of %d: %.1f tokens/s, deterministic %.1f, ratio %.3f%n",
                    streams,
                    rates[0][repetitions],
                    rates[1][repetitions],
                    rates[1][repetitions] / rates[0][repetitions]);
        }
    }

    private static void tell(String what, double rate) {
        System.out.printf("%s %.1f tokens/s%n", what, rate);
    }

    private interface Measurement {
        double take() throws InterruptedException;
    }

    private double median(Measurement measurement) throws InterruptedException {
        double[] all = new double[repetitions];
        measurement.take();
        for (int i = 0; i < repetitions; i++) {
            all[i] = measurement.take();
        }
        Arrays.sort(all);
        return all[repetitions / 2];
    }

    private List<Timed> answers(int count, int tokens) throws InterruptedException {
        return run(
                IntStream.range(0, count)
                        .mapToObj(i -> prompts.get(i % prompts.size()))
                        .toList(),
                tokens);
    }

    private List<Timed> run(List<int[]> asked, int tokens) throws InterruptedException {
        List<Timed> all = new ArrayList<>();
        for (int[] prompt : asked) {
            Timed timed = new Timed(tokens);
            all.add(timed);
            lane.submit(
                    GenerationRequest.builder("benchmark", prompt, tokens)
                            .deterministic(deterministic)
                            .speculative(false)
                            .build(),
                    timed);
        }
        for (Timed each : all) {
            each.done.await();
        }
        return all;
    }

    private static double seconds(List<Timed> done) {
        long begin = done.stream().mapToLong(each -> each.begin).min().orElseThrow();
        long end = done.stream().mapToLong(Timed::last).max().orElseThrow();
        return (end - begin) / 1e9;
    }

    private static double wallRate(List<Timed> done) {
        return done.stream().mapToInt(each -> each.times.length).sum() / seconds(done);
    }

    /** From when all have their first token. */
    private static double decodeRate(List<Timed> done) {
        long begin = done.stream().mapToLong(each -> each.times[0]).max().orElseThrow();
        long end = done.stream().mapToLong(Timed::last).max().orElseThrow();
        long tokens = 0;
        for (Timed each : done) {
            tokens += Arrays.stream(each.times).filter(time -> time > begin).count();
        }
        return tokens * 1e9 / (end - begin);
    }

    /** Notes when each token came. */
    private static final class Timed implements TokenSink {
        final long begin = System.nanoTime();
        final long[] times;
        final CountDownLatch done = new CountDownLatch(1);
        private int count;

        Timed(int tokens) {
            times = new long[tokens];
        }

        long last() {
            return times[times.length - 1];
        }

        @Override
        public void started(int cachedTokens) {}

        @Override
        public void token(int id, @Nullable TokenLogprobs logprobs) {
            times[count++] = System.nanoTime();
        }

        @Override
        public void finished(Finish finish, @Nullable String detail) {
            done.countDown();
        }

        @Override
        public void failed(Problem problem) {
            System.err.println(problem.message());
            done.countDown();
        }
    }
}
