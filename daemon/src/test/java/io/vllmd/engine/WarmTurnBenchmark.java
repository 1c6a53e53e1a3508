package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * How long the second turn of a conversation waits for its first token beside the first one, and how long streams pause
 * while such a prompt is read. Arguments: the model's folder, tokens of the transcript, rounds (5; 0 for the pause
 * alone).
 */
public final class WarmTurnBenchmark {
    /** Tokens of the first answer and of the next question. */
    private static final int ANSWER = 32;

    private static final int QUESTION = 24;

    private final Lane lane;
    private final Random random = new Random(3);
    private final int vocabulary;

    private WarmTurnBenchmark(Lane lane, int vocabulary) {
        this.lane = lane;
        this.vocabulary = vocabulary;
    }

    public static void main(String[] arguments) throws Exception {
        int length = Integer.parseInt(arguments[1]);
        int rounds = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 5;
        EngineLimits limits = new EngineLimits(16, 64, Duration.ofMillis(100), 256, 4L << 30, true, 0, true);
        try (MlxThread mlx = MlxThread.start("mlx");
                Engine engine = new Engine(mlx, limits)) {
            LanguageModel model = ModelLoader.load(ModelFolder.open(Path.of(arguments[0])), mlx, fraction -> {});
            Lane lane = engine.attach(model, "model");
            WarmTurnBenchmark benchmark =
                    new WarmTurnBenchmark(lane, model.description().vocabulary());
            if (rounds > 0) {
                benchmark.turns(length, rounds);
            }
            benchmark.join(length);
            lane.detach().join();
            mlx.call(() -> {
                model.close();
                return true;
            });
        }
    }

    private void turns(int length, int rounds) throws InterruptedException {
        double[] cold = new double[rounds];
        double[] warm = new double[rounds];
        double[] again = new double[rounds];
        for (int round = 0; round < rounds; round++) {
            int[] prompt = ids(length - ANSWER - QUESTION);
            Timed first = ask(prompt, ANSWER);
            int[] next = Arrays.copyOf(prompt, length);
            for (int i = 0; i < ANSWER; i++) {
                next[prompt.length + i] = first.tokens.get(i);
            }
            System.arraycopy(ids(QUESTION), 0, next, prompt.length + ANSWER, QUESTION);
            cold[round] = first.untilFirst();
            warm[round] = ask(next, 1).untilFirst();
            again[round] = ask(next, 1).untilFirst();
        }
        System.out.printf(
                "A turn of %d tokens: first token after %.1f ms cold, %.1f ms (%.1f %%) as the second turn,"
                        + " %.1f ms the same again; medians of %d%n",
                length, median(cold), median(warm), 100 * median(warm) / median(cold), median(again), rounds);
    }

    private void join(int length) throws InterruptedException {
        List<Timed> running = new ArrayList<>();
        int tokens = Math.min(1500, length);
        for (int i = 0; i < 4; i++) {
            running.add(submit(ids(32), tokens));
        }
        while (running.stream().anyMatch(each -> each.times.size() < 20)) {
            Thread.sleep(1);
        }
        long joined = System.nanoTime();
        Timed late = ask(ids(length), 1);
        long read = System.nanoTime();
        for (Timed each : running) {
            each.generation.cancel();
            each.done.await();
        }
        System.out.printf(
                "A prompt of %d tokens joins 4 streams: first token after %.0f ms; longest gap of the streams before"
                        + " %.1f ms, meanwhile %.1f ms (the budget is 100)%n",
                length, late.untilFirst(), gap(running, Long.MIN_VALUE, joined), gap(running, joined, read));
    }

    private static double gap(List<Timed> streams, long from, long to) {
        long longest = 0;
        for (Timed each : streams) {
            for (int i = 1; i < each.times.size(); i++) {
                if (each.times.get(i) > from && each.times.get(i - 1) < to) {
                    longest = Math.max(longest, each.times.get(i) - each.times.get(i - 1));
                }
            }
        }
        return longest / 1e6;
    }

    private int[] ids(int count) {
        return random.ints(count, 0, vocabulary).toArray();
    }

    private Timed ask(int[] prompt, int tokens) throws InterruptedException {
        Timed timed = submit(prompt, tokens);
        timed.done.await();
        return timed;
    }

    private Timed submit(int[] prompt, int tokens) {
        Timed timed = new Timed();
        timed.generation = lane.submit(
                new GenerationRequest("warm", prompt, new Sampling(0.7f, 0.95f, 0, 0, 1), tokens, Set.of()), timed);
        return timed;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    /** Notes when each token came. */
    private static final class Timed implements TokenSink {
        private final long began = System.nanoTime();
        final List<Integer> tokens = new CopyOnWriteArrayList<>();
        final List<Long> times = new CopyOnWriteArrayList<>();
        final CountDownLatch done = new CountDownLatch(1);
        Generation generation = () -> {};

        double untilFirst() {
            return (times.getFirst() - began) / 1e6;
        }

        @Override
        public void started(int cachedTokens) {}

        @Override
        public void token(int id, @Nullable TokenLogprobs logprobs) {
            tokens.add(id);
            times.add(System.nanoTime());
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
