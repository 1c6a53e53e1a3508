package io.vllmd.engine.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.engine.Engine;
import io.vllmd.engine.EngineLimits;
import io.vllmd.engine.GenerationRequest;
import io.vllmd.engine.Lane;
import io.vllmd.engine.LaneOptions;
import io.vllmd.engine.TokenLogprobs;
import io.vllmd.engine.TokenSink;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Array;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.Footprint;
import io.vllmd.model.KvStep;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import io.vllmd.model.RandomModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Shapes of all kinds, loaded and run, against what was said of them before: no figure is off by more than a tenth. */
class MemoryEstimateTest {
    private static final int ANSWER = 12;

    @TempDir
    private Path folder;

    /** @param chunk the engine's; one that disturbs nobody reads four at once */
    record Case(RandomModel shape, int chunk, int kvBits, int sequences) {
        int stepRows() {
            return 4 * chunk;
        }

        int prompt() {
            return 5 * stepRows() + 10;
        }
    }

    private static RandomModel model(
            int hidden,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int mlp,
            int vocabulary,
            int bits,
            boolean tied) {
        return new RandomModel(hidden, layers, heads, kvHeads, headDim, mlp, vocabulary, bits, tied, 0, 8192);
    }

    private static RandomModel windowed(int layers, int bits, int window) {
        return new RandomModel(256, layers, 8, 2, 64, 768, 1008, bits, true, window, 8192);
    }

    static Stream<Case> cases() {
        return Stream.of(
                new Case(model(256, 4, 8, 4, 32, 768, 1000, 32, false), 64, 0, 1),
                new Case(model(256, 4, 8, 4, 32, 768, 1000, 16, true), 64, 0, 1),
                new Case(model(256, 6, 4, 4, 64, 1024, 4000, 8, true), 64, 8, 1),
                new Case(model(256, 6, 4, 1, 64, 640, 4000, 4, false), 32, 0, 1),
                // As Qwen3-0.6B: queries wider than the residual stream.
                new Case(model(256, 8, 4, 2, 128, 768, 8000, 8, true), 64, 0, 3),
                new Case(model(512, 2, 8, 8, 64, 1536, 500, 16, false), 128, 4, 1),
                new Case(model(512, 3, 16, 2, 64, 1408, 12000, 8, false), 64, 0, 1),
                new Case(model(128, 16, 2, 1, 64, 384, 2000, 32, true), 32, 0, 2),
                new Case(model(384, 5, 6, 3, 64, 4096, 1000, 8, true), 64, 0, 1),
                new Case(model(768, 2, 12, 4, 64, 512, 3000, 4, true), 64, 4, 1),
                new Case(windowed(6, 8, 500), 64, 0, 1),
                new Case(windowed(5, 16, 300), 32, 8, 2));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isRightWithinATenth(Case each) throws Exception {
        try (MlxThread mlx = MlxThread.start("mlx-estimate-test");
                ModelFolder files = ModelFolder.open(each.shape().write(folder))) {
            mlx.call(() -> {
                Mlx.setDefaultDevice(Device.CPU);
                return true;
            });
            Footprint footprint = ModelLoader.footprint(files, Device.CPU);
            MemoryEstimate estimate = MemoryEstimate.of(
                    footprint,
                    new MemoryEstimate.Load(each.sequences(), each.prompt() + ANSWER, each.stepRows(), each.kvBits()));
            long empty = active(mlx);
            LanguageModel model = ModelLoader.load(files, mlx, Device.CPU, fraction -> {});
            long loaded = active(mlx);
            isWithinATenth("weights", estimate.weights(), loaded - empty);
            assertEquals(model.description().weightBytes(), footprint.weightBytes());
            assertEquals(model.description().kvLayers(), footprint.kvLayers());
            assertEquals(model.description().activations(), footprint.activations());
            EngineLimits limits =
                    new EngineLimits(4, 4, Duration.ofSeconds(60), each.chunk(), 1L << 30, false, 0, false);
            AtomicReference<@Nullable Lane> lane = new AtomicReference<>();
            AtomicLong mostKv = new AtomicLong();
            try (Engine engine = new Engine(mlx, limits)) {
                LanguageModel watched = new Watched(model, mostKv, () -> {
                    Lane of = lane.get();
                    return of == null ? 0 : of.stats().kvBytes();
                });
                Lane made = engine.attach(watched, "random", new LaneOptions(each.kvBits(), "", null));
                lane.set(made);
                mlx.call(() -> {
                    Mlx.resetPeak();
                    return true;
                });
                run(made, each, mlx);
                long peak = mlx.call(Mlx::memory).peak();
                isWithinATenth("keys and values", estimate.kv(), mostKv.get());
                isWithinATenth("steps", estimate.steps(), peak - loaded);
                isWithinATenth("all", estimate.total(), peak - empty + mostKv.get());
            }
            mlx.call(() -> {
                model.close();
                return true;
            });
        }
    }

    private static long active(MlxThread mlx) {
        return mlx.call(Mlx::memory).active();
    }

    private static void isWithinATenth(String what, long estimated, long measured) {
        assertTrue(
                Math.abs(estimated - measured) * 10 <= measured,
                what + ": " + estimated + " bytes estimated, " + measured + " measured");
    }

    /** Looks, before each step is built, at what its sequences' keys and values take. */
    private record Watched(LanguageModel model, AtomicLong most, LongSupplier kv) implements LanguageModel {
        @Override
        public Description description() {
            return model.description();
        }

        @Override
        public Array forward(Array ids, KvStep step, int[] logitRows) {
            most.accumulateAndGet(kv.getAsLong(), Math::max);
            return model.forward(ids, step, logitRows);
        }

        @Override
        public void close() {
            model.close();
        }
    }

    /** All sequences at once. */
    private static void run(Lane lane, Case each, MlxThread mlx) throws InterruptedException {
        CountDownLatch done = new CountDownLatch(each.sequences());
        AtomicReference<@Nullable Problem> failure = new AtomicReference<>();
        CountDownLatch submitted = new CountDownLatch(1);
        mlx.execute(() -> {
            try {
                submitted.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        for (int i = 0; i < each.sequences(); i++) {
            int[] prompt = new Random(i)
                    .ints(each.prompt(), 0, each.shape().vocabulary())
                    .toArray();
            lane.submit(
                    GenerationRequest.builder("estimate" + i, prompt, ANSWER)
                            .speculative(false)
                            .build(),
                    new Ending(done, failure));
        }
        submitted.countDown();
        done.await();
        assertNull(failure.get());
    }

    private record Ending(CountDownLatch done, AtomicReference<@Nullable Problem> failure) implements TokenSink {
        @Override
        public void started(int cachedTokens) {
            assertEquals(0, cachedTokens);
        }

        @Override
        public void token(int id, @Nullable TokenLogprobs logprobs) {
            // Memory matters here, not what is said.
        }

        @Override
        public void finished(Finish finish, @Nullable String detail) {
            done.countDown();
        }

        @Override
        public void failed(Problem problem) {
            failure.set(problem);
            done.countDown();
        }
    }
}
