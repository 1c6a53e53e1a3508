package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.DeviceDescription;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Run by hand, on a GPU: whether answers that must not depend on their neighbours do not. Every request is answered
 * alone, without cached prefixes; then all again, at random moments, beside others that may depend on whatever they
 * like, with prefixes shared and prompts cut in chunks. Arguments: the model's folder, number of requests (60). Exit
 * status 1 where an answer differs; says, too, how many differ where nothing is asked for.
 */
public final class DeterminismCheck {
    private static final int TOKENS = 48;

    private final Engine engine;
    private final Lane lane;
    private final int vocabulary;

    private DeterminismCheck(Engine engine, Lane lane, int vocabulary) {
        this.engine = engine;
        this.lane = lane;
        this.vocabulary = vocabulary;
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        int count = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 60;
        int wrong;
        try (MlxThread mlx = MlxThread.start("mlx");
                Engine engine = new Engine(mlx, limits(256, false))) {
            System.out.println(mlx.call(() ->
                    DeviceDescription.gpu().orElseGet(DeviceDescription::cpu).name()));
            LanguageModel model = ModelLoader.load(ModelFolder.open(folder), mlx, fraction -> {});
            Lane lane = engine.attach(model, folder.getFileName().toString());
            DeterminismCheck check =
                    new DeterminismCheck(engine, lane, model.description().vocabulary());
            check.differing(count, false);
            wrong = check.differing(count, true);
            lane.detach().join();
            mlx.call(() -> {
                model.close();
                return true;
            });
        }
        System.exit(wrong == 0 ? 0 : 1);
    }

    private static EngineLimits limits(int chunk, boolean prefixes) {
        return new EngineLimits(16, 1000, Duration.ofMillis(100), chunk, 8L << 30, prefixes, 0, true);
    }

    private int differing(int count, boolean deterministic) throws InterruptedException {
        Random random = new Random(3);
        int[] shared = random.ints(700, 0, Math.min(vocabulary, 6000)).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int begins = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(shared.length - 1);
            int own = 1 + random.nextInt(i % 5 == 0 ? 600 : 60);
            int[] prompt = new int[begins + own];
            System.arraycopy(shared, 0, prompt, 0, begins);
            for (int j = begins; j < prompt.length; j++) {
                prompt[j] = random.nextInt(Math.min(vocabulary, 6000));
            }
            Sampling sampling = i % 2 == 0 ? Sampling.GREEDY : new Sampling(0.8f, 0.95f, 50, 0, i);
            requests.add(GenerationRequest.builder("check", prompt, TOKENS)
                    .sampling(sampling)
                    .deterministic(deterministic)
                    .build());
        }
        engine.limits(limits(256, false));
        List<List<Integer>> alone = new ArrayList<>();
        for (GenerationRequest each : requests) {
            Answer answer = new Answer();
            lane.submit(each, answer);
            answer.done.await();
            alone.add(answer.tokens);
        }
        int wrong = 0;
        for (int round = 0; round < 2; round++) {
            engine.limits(limits(round == 0 ? 64 : 200, true));
            List<Answer> together = new ArrayList<>();
            List<Answer> others = new ArrayList<>();
            for (GenerationRequest each : requests) {
                Answer answer = new Answer();
                together.add(answer);
                lane.submit(each, answer);
                if (random.nextInt(4) == 0) {
                    Answer other = new Answer();
                    others.add(other);
                    lane.submit(new GenerationRequest("other", each.prompt(), each.sampling(), 20, Set.of()), other);
                }
                Thread.sleep(random.nextInt(20));
            }
            for (int i = 0; i < count; i++) {
                together.get(i).done.await();
                wrong += together.get(i).tokens.equals(alone.get(i)) ? 0 : 1;
            }
            for (Answer each : others) {
                each.done.await();
            }
        }
        System.out.printf(
                "%s: %d of %d answers differ from those made alone%n",
                deterministic ? "deterministic" : "by default", wrong, 2 * count);
        return wrong;
    }

    private static final class Answer implements TokenSink {
        final List<Integer> tokens = new ArrayList<>();
        final CountDownLatch done = new CountDownLatch(1);

        @Override
        public void started(int cachedTokens) {}

        @Override
        public void token(int id, @Nullable TokenLogprobs logprobs) {
            tokens.add(id);
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
