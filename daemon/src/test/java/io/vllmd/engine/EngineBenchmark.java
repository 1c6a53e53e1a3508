package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Measures the engine on a real model: tokens a second and host time by number of streams, prompt tokens a second, and
 * the longest gap between two tokens when a long prompt joins. Arguments: the model's folder, then tokens per stream
 * (256).
 */
public final class EngineBenchmark {
    private static final int[] STREAMS = {1, 2, 4, 8, 10, 16};
    private static final int PROMPT = 32;

    private final MlxThread mlx;
    private final Lane lane;
    private final int vocabulary;
    private final int context;
    private final Random random = new Random(1);

    private EngineBenchmark(MlxThread mlx, Lane lane, LanguageModel.Description model) {
        this.mlx = mlx;
        this.lane = lane;
        this.vocabulary = model.vocabulary();
        this.context = model.contextLength();
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        int tokens = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 256;
        try (MlxThread mlx = MlxThread.start("mlx");
                Engine engine = new Engine(mlx, EngineLimits.DEFAULT)) {
            LanguageModel model = ModelLoader.load(ModelFolder.open(folder), mlx, fraction -> {});
            LanguageModel.Description description = model.description();
            System.out.printf(
                    "%s, %s, kernels %s%n%n",
                    folder.getFileName(), description.quantization(), mlx.call(Mlx::cpuKernels));
            Lane lane = engine.attach(model, folder.getFileName().toString());
            EngineBenchmark benchmark = new EngineBenchmark(mlx, lane, description);
            benchmark.streams(4, tokens);
            benchmark.decode(tokens);
            benchmark.prefill();
            benchmark.longPromptJoins();
            lane.detach().join();
            mlx.call(() -> {
                model.close();
                return true;
            });
        }
    }

    private void decode(int tokens) throws InterruptedException {
        System.out.println(
                "| streams | tokens/s | ms a step | host ms a step | MLX thread's CPU ms a step | longest gap ms |");
        System.out.println("|---:|---:|---:|---:|---:|---:|");
        for (int streams : STREAMS) {
            EngineStats before = lane.stats();
            long cpuBefore = cpuNanos();
            List<Timed> done = streams(streams, tokens);
            long cpu = cpuNanos() - cpuBefore;
            EngineStats after = lane.stats();
            long first = done.stream().mapToLong(each -> each.times[0]).max().orElseThrow();
            long last = done.stream()
                    .mapToLong(each -> each.times[tokens - 1])
                    .max()
                    .orElseThrow();
            double steps = after.steps() - before.steps();
            double nanos = last - first;
            System.out.printf(
                    "| %d | %.0f | %.2f | %.3f | %.3f | %.1f |%n",
                    streams,
                    streams * (tokens - 1) * 1e9 / nanos,
                    nanos / (tokens - 1) / 1e6,
                    (after.hostNanos() - before.hostNanos()) / 1e6 / steps,
                    cpu / 1e6 / steps,
                    gap(done, first, Long.MAX_VALUE));
        }
        System.out.println();
    }

    /** CPU time of the MLX thread: what host work costs, however much else runs on this machine. */
    private long cpuNanos() {
        return mlx.call(() -> ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime());
    }

    private void prefill() throws InterruptedException {
        System.out.println("| prompt tokens | tokens/s |");
        System.out.println("|---:|---:|");
        for (int length = 256; length < context; length *= 2) {
            long begin = System.nanoTime();
            Timed timed = new Timed(1);
            lane.submit(request(length, 1), timed);
            timed.done.await();
            System.out.printf("| %d | %.0f |%n", length, length * 1e9 / (timed.times[0] - begin));
        }
        System.out.println();
    }

    private void longPromptJoins() throws InterruptedException {
        int tokens = Math.min(1500, context - PROMPT - 1);
        List<Timed> running = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Timed timed = new Timed(tokens);
            running.add(timed);
            lane.submit(request(PROMPT, tokens), timed);
        }
        while (running.stream().anyMatch(each -> each.count < 100)) {
            Thread.sleep(1);
        }
        long joined = System.nanoTime();
        Timed late = new Timed(1);
        lane.submit(request(context * 3 / 4, 1), late);
        late.done.await();
        long read = late.times[0];
        for (Timed each : running) {
            each.done.await();
        }
        System.out.printf(
                "A prompt of %d tokens joins 4 streams: first token after %.0f ms;%n",
                context * 3 / 4, (read - joined) / 1e6);
        System.out.printf(
                "longest gap of the streams before %.1f ms, meanwhile %.1f ms.%n",
                gap(running, Long.MIN_VALUE, joined), gap(running, joined, read));
    }

    private static double gap(List<Timed> streams, long from, long to) {
        long longest = 0;
        for (Timed each : streams) {
            for (int i = 1; i < each.count; i++) {
                if (each.times[i] > from && each.times[i - 1] < to) {
                    longest = Math.max(longest, each.times[i] - each.times[i - 1]);
                }
            }
        }
        return longest / 1e6;
    }

    private List<Timed> streams(int count, int tokens) throws InterruptedException {
        List<Timed> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Timed timed = new Timed(tokens);
            all.add(timed);
            lane.submit(request(PROMPT, tokens), timed);
        }
        for (Timed each : all) {
            each.done.await();
        }
        return all;
    }

    private GenerationRequest request(int promptTokens, int tokens) {
        int[] prompt = random.ints(promptTokens, 0, vocabulary).toArray();
        return new GenerationRequest("benchmark", prompt, new Sampling(0.7f, 0.95f, 0, 0, 1), tokens, Set.of());
    }

    /** Notes when each token came. */
    private static final class Timed implements TokenSink {
        final long[] times;
        final CountDownLatch done = new CountDownLatch(1);
        volatile int count;

        Timed(int tokens) {
            times = new long[tokens];
        }

        @Override
        public void started(int cachedTokens) {}

        @Override
        public void token(int id, @Nullable TokenLogprobs logprobs) {
            int at = count;
            times[at] = System.nanoTime();
            count = at + 1;
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
