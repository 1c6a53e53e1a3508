package io.vllmd.engine;

import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;

/** An MLX thread, an engine and tiny models, closed in the right order. */
final class EngineFixture implements AutoCloseable {
    static final int CONTEXT = 2048;

    final MlxThread mlx = MlxThread.start("mlx-engine-test");
    final Engine engine;
    private final List<LanguageModel> models = new ArrayList<>();

    EngineFixture(EngineLimits limits) {
        engine = new Engine(mlx, limits);
    }

    static EngineLimits limits(int batch, int queue, int chunk) {
        return new EngineLimits(batch, queue, Duration.ofMillis(100), chunk);
    }

    /** Memory for so many pages of a tiny model. */
    static EngineLimits withPages(int batch, int chunk, int pages) {
        return new EngineLimits(batch, 64, Duration.ofMillis(100), chunk, pages * TinyModel.PAGE_BYTES, true, 0, true);
    }

    HookedModel model(long seed) {
        HookedModel model = mlx.call(() -> new HookedModel(new TinyModel(seed, CONTEXT)));
        closes(model);
        return model;
    }

    /** Closes the model at the end. */
    void closes(LanguageModel model) {
        models.add(model);
    }

    List<Integer> alone(LanguageModel model, GenerationRequest request) {
        return mlx.call(() -> Alone.tokens(model, request));
    }

    /** Keeps the MLX thread busy until counted down: what is submitted meanwhile arrives together. */
    CountDownLatch hold() {
        CountDownLatch latch = new CountDownLatch(1);
        mlx.execute(() -> {
            try {
                latch.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        return latch;
    }

    /** Lets the turns end that were under way or queued: the last sink is called before its turn is over. */
    void settle() {
        for (int i = 0; i < 3; i++) {
            mlx.call(() -> true);
        }
    }

    static GenerationRequest greedy(String id, int promptTokens, int maxTokens) {
        return new GenerationRequest(
                id, prompt(new Random(id.hashCode()), promptTokens), Sampling.GREEDY, maxTokens, Set.of());
    }

    /** Any mix of length, sampling and stop tokens. */
    static GenerationRequest random(String id, Random random, int mostPrompt, int mostTokens) {
        Sampling sampling = random.nextInt(3) == 0
                ? Sampling.GREEDY
                : new Sampling(
                        0.3f + 1.5f * random.nextFloat(),
                        random.nextBoolean() ? 1 : 0.5f + 0.5f * random.nextFloat(),
                        random.nextBoolean() ? 0 : 1 + random.nextInt(40),
                        random.nextBoolean() ? 0 : 0.1f * random.nextFloat(),
                        random.nextLong());
        Set<Integer> stops = random.nextInt(3) == 0 ? Set.of(random.nextInt(TinyModel.VOCABULARY)) : Set.of();
        return new GenerationRequest(
                id, prompt(random, 1 + random.nextInt(mostPrompt)), sampling, 1 + random.nextInt(mostTokens), stops);
    }

    static int[] prompt(Random random, int tokens) {
        return random.ints(tokens, 0, TinyModel.VOCABULARY).toArray();
    }

    @Override
    public void close() {
        engine.close();
        mlx.call(() -> {
            models.forEach(LanguageModel::close);
            return true;
        });
        mlx.close();
    }
}
