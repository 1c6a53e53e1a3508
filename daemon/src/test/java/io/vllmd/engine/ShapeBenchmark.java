package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import io.vllmd.model.RandomModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * The engine on the shape of Qwen3-0.6B with random weights, one measurement for each line of its input, so that another
 * program can measure a peer in turns with it (docs/benchmarks/run/cpu_peers.py). Lines: {@code decode STREAMS TOKENS},
 * {@code prefill TOKENS}, {@code math exact|fast}. Arguments: a folder, where the model is written unless it is there,
 * and its bits (8).
 */
public final class ShapeBenchmark {
    private static final int PROMPT = 16;

    private final MlxThread mlx;
    private final Lane lane;
    private final int vocabulary;
    private final Random random = new Random(1);

    private ShapeBenchmark(MlxThread mlx, Lane lane, int vocabulary) {
        this.mlx = mlx;
        this.lane = lane;
        this.vocabulary = vocabulary;
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        if (!Files.exists(folder.resolve("config.json"))) {
            RandomModel.qwen3Of600M(arguments.length > 1 ? Integer.parseInt(arguments[1]) : 8)
                    .write(folder);
        }
        // Neither prompts nor answers repeat themselves by design; what random weights say must not make a difference.
        EngineLimits limits = new EngineLimits(16, 64, Duration.ofMillis(100), 256, 4L << 30, false, 0, false);
        try (MlxThread mlx = MlxThread.start("mlx");
                ModelFolder files = ModelFolder.open(folder);
                Engine engine = new Engine(mlx, limits)) {
            LanguageModel model = ModelLoader.load(files, mlx, fraction -> {});
            boolean fast = mlx.call(Mlx::hasFastCpuMath);
            ShapeBenchmark benchmark = new ShapeBenchmark(
                    mlx, engine.attach(model, "shape"), model.description().vocabulary());
            benchmark.arithmetic(fast);
            System.out.println("ready " + mlx.call(Mlx::cpuKernels) + (fast ? " fast" : " exact"));
            benchmark.answer(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
            benchmark.lane.detach().join();
            mlx.call(() -> {
                model.close();
                return true;
            });
        }
    }

    private void answer(BufferedReader lines) throws IOException, InterruptedException {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.strip().split(" ");
            switch (words[0]) {
                case "decode" -> decode(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
                case "prefill" -> prefill(Integer.parseInt(words[1]));
                case "math" -> {
                    arithmetic(words[1].equals("fast"));
                    System.out.println(line);
                }
                default -> throw new IllegalArgumentException("unknown: " + line);
            }
        }
    }

    private void arithmetic(boolean fast) {
        mlx.call(() -> {
            Mlx.useFastCpuMath(fast);
            return fast;
        });
    }

    /** Prints tokens a second from the last stream's first token on, then those of the whole, prompts included. */
    private void decode(int streams, int tokens) throws InterruptedException {
        EngineStats before = lane.stats();
        long begin = System.nanoTime();
        List<Timed> all = new ArrayList<>();
        for (int i = 0; i < streams; i++) {
            Timed timed = new Timed(tokens);
            all.add(timed);
            lane.submit(request(PROMPT, tokens), timed);
        }
        long first = begin;
        long last = begin;
        for (Timed each : all) {
            each.done.await();
            first = Math.max(first, each.times[0]);
            last = Math.max(last, each.times[tokens - 1]);
        }
        long late = first;
        long after = all.stream().mapToLong(each -> each.after(late)).sum();
        EngineStats stats = lane.stats();
        System.out.printf(
                "decode %d %.2f %.2f host %.3f%n",
                streams,
                after * 1e9 / (last - first),
                streams * tokens * 1e9 / (last - begin),
                (stats.hostNanos() - before.hostNanos()) / 1e6 / (stats.steps() - before.steps()));
    }

    /** Prints prompt tokens a second up to the first token of the answer. */
    private void prefill(int length) throws InterruptedException {
        Timed timed = new Timed(1);
        GenerationRequest request = request(length, 1);
        long begin = System.nanoTime();
        lane.submit(request, timed);
        timed.done.await();
        System.out.printf("prefill %d %.2f%n", length, length * 1e9 / (timed.times[0] - begin));
    }

    private GenerationRequest request(int promptTokens, int tokens) {
        int[] prompt = random.ints(promptTokens, 0, vocabulary).toArray();
        return new GenerationRequest("benchmark", prompt, Sampling.GREEDY, tokens, Set.of());
    }

    /** Notes when each token came. */
    private static final class Timed implements TokenSink {
        final long[] times;
        final CountDownLatch done = new CountDownLatch(1);
        private int count;

        Timed(int tokens) {
            times = new long[tokens];
        }

        long after(long moment) {
            long number = 0;
            for (long time : times) {
                number += time > moment ? 1 : 0;
            }
            return number;
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
