package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import io.vllmd.model.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The memory of keys and values: nothing is copied to grow, and what nobody needs goes back to the system. */
class KvMemoryTest {
    private static final long MB = 1 << 20;

    /** Little to compute, much to keep: 32 KB a token, 2 MB a page. */
    private static final RandomModel WIDE = new RandomModel(64, 4, 8, 8, 128, 64, 100, 32, true, 0, 8192);

    @TempDir
    private Path folder;

    /** Memory of the process, once the steps' own is given back. */
    private static long resident(EngineFixture fixture) throws IOException {
        fixture.mlx.call(() -> {
            Mlx.synchronize();
            Mlx.clearCache();
            return true;
        });
        Path status = Path.of("/proc/self/status");
        assumeTrue(Files.exists(status), "the system does not tell how much memory is resident");
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("RssAnon"))
                .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    private LanguageModel wide(EngineFixture fixture) throws Exception {
        fixture.mlx.call(() -> {
            Mlx.setDefaultDevice(Device.CPU);
            return true;
        });
        try (ModelFolder files = ModelFolder.open(WIDE.write(folder))) {
            LanguageModel model = ModelLoader.load(files, fixture.mlx, Device.CPU, fraction -> {});
            fixture.closes(model);
            return model;
        }
    }

    private static void answer(EngineFixture fixture, Lane lane, long seed, int prompt, int tokens) {
        Recorder recorder = new Recorder();
        int[] ids = new Random(seed).ints(prompt, 0, WIDE.vocabulary()).toArray();
        lane.submit(
                GenerationRequest.builder("r" + seed, ids, tokens)
                        .speculative(false)
                        .build(),
                recorder);
        recorder.await();
        fixture.settle();
    }

    private static void lower(EngineFixture fixture, EngineLimits limits) {
        fixture.engine.limits(limits);
        fixture.settle();
    }

    private static EngineLimits limits(long kvMemory, boolean prefixCache) {
        return new EngineLimits(4, 4, Duration.ofSeconds(10), 256, kvMemory, prefixCache, 0, true);
    }

    @Test
    void freePagesGoBackToTheSystemButForSome() throws Exception {
        try (EngineFixture fixture = new EngineFixture(limits(512 * MB, false))) {
            Lane lane = fixture.engine.attach(wide(fixture), "wide");
            // What the heap and the steps take once is taken.
            answer(fixture, lane, 1, 3500, 3);
            lower(fixture, limits(500 * MB, false));
            long before = resident(fixture);
            answer(fixture, lane, 2, 3500, 3);
            long after = resident(fixture) - before;
            assertEquals(0, lane.stats().kvBytes());
            // 110 MB were written; 32 MB stay for who comes next.
            assertTrue(after < 70 * MB, after + " bytes stayed");
        }
    }

    @Test
    void aLowerLimitDropsPrefixesAndGivesTheirMemoryBackAtOnce() throws Exception {
        try (EngineFixture fixture = new EngineFixture(limits(512 * MB, true))) {
            Lane lane = fixture.engine.attach(wide(fixture), "wide");
            answer(fixture, lane, 1, 100, 3);
            long before = resident(fixture);
            answer(fixture, lane, 2, 3500, 3);
            long full = resident(fixture) - before;
            assertTrue(lane.stats().kvBytes() >= 108 * MB, lane.stats().toString());
            assertTrue(full > 100 * MB, full + " bytes are resident");
            lower(fixture, limits(16 * MB, true));
            long left = resident(fixture) - before;
            assertTrue(lane.stats().kvBytes() <= 16 * MB, lane.stats().toString());
            assertTrue(left < full - 80 * MB, left + " bytes of " + full + " are resident still");
            // And what is left still serves.
            answer(fixture, lane, 3, 300, 3);
        }
    }

    @Test
    void aThousandStepsRunAheadHoldNoMoreThanAFew() throws Exception {
        try (EngineFixture fixture = new EngineFixture(limits(512 * MB, false))) {
            Lane lane = fixture.engine.attach(wide(fixture), "wide");
            answer(fixture, lane, 1, 100, 8);
            long few = peak(fixture, lane, 2, 20);
            long many = peak(fixture, lane, 3, 1000);
            // 1,000 tokens of keys are 32 MB; a copy of them would be seen.
            assertTrue(many <= few + MB, "20 steps took " + few + " bytes, 1000 took " + many);
        }
    }

    /** Bytes that MLX held at most beyond what it holds at rest; pages on a CPU device are not its own. */
    private static long peak(EngineFixture fixture, Lane lane, long seed, int tokens) {
        long rest = fixture.mlx.call(() -> {
            Mlx.resetPeak();
            return Mlx.memory().active();
        });
        answer(fixture, lane, seed, 100, tokens);
        return fixture.mlx.call(() -> Mlx.memory().peak()) - rest;
    }
}
