package io.vllmd.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Places;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Settings;
import io.vllmd.engine.Engine;
import io.vllmd.engine.EngineLimits;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.runtime.StateFile.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The registry and its loader with the real Sprout on a real engine. */
class ModelLoadingTest {
    private static final Path SPROUT = Path.of("src/main/sprout");

    @TempDir
    private Path home;

    private MlxThread mlx;
    private Engine engine;
    private ModelRegistry registry;
    private StateFile state;

    @BeforeEach
    void start() {
        mlx = MlxThread.start("mlx-loading-test");
        engine = new Engine(mlx, EngineLimits.DEFAULT);
        CompletableFuture<Device> device = mlx.submit(() -> {
            Mlx.setDefaultDevice(Device.CPU);
            return Device.CPU;
        });
        Places places = Places.of(Map.of("VLLMD_HOME", home.toString()), "Linux");
        Settings settings = Settings.load(places, Map.of(), Map.of());
        state = new StateFile(places.stateFile());
        registry = new Serving(mlx, device, engine, settings, places, SPROUT, Map.of()).registry();
    }

    @AfterEach
    void close() throws InterruptedException {
        registry.stop();
        engine.close();
        mlx.close();
    }

    private CompletableFuture<ServedModel> load(String source, LoadProgress progress) {
        return registry.load(source, null, false, progress);
    }

    private static ProblemException problemOf(CompletableFuture<?> load) {
        CompletionException failure = assertThrows(CompletionException.class, load::join);
        return assertInstanceOf(ProblemException.class, failure.getCause());
    }

    private long active() {
        return mlx.call(() -> {
            Mlx.synchronize();
            return Mlx.memory().active();
        });
    }

    @Test
    void aLoadThatFailsAfterItsLaneIsThereLeavesNothingBehind() {
        long before = active();
        ProblemException problem = problemOf(load("sprout", (stage, fraction) -> {
            if (stage.equals("serving")) {
                throw new IllegalStateException("this listener is broken");
            }
        }));
        assertEquals(Problem.Kind.INTERNAL, problem.problem().kind());
        assertTrue(problem.problem().message().contains("this listener is broken"));
        assertEquals(0, engine.stats().steps(), "the lane of the warm-up is still attached");
        assertEquals(before, active());
        assertEquals("sprout", load("sprout", (stage, fraction) -> {}).join().id());
    }

    @Test
    void aStopInterruptsALoadFreesItAndRefusesTheNext() throws InterruptedException {
        long before = active();
        CompletableFuture<Void> warming = new CompletableFuture<>();
        CompletableFuture<ServedModel> load = load("sprout", (stage, fraction) -> {
            if (stage.equals("warming up")) {
                warming.complete(null);
                // Until the interrupt of the stop.
                while (!Thread.currentThread().isInterrupted()) {
                    Thread.onSpinWait();
                }
            }
        });
        warming.join();
        registry.stop();
        assertEquals(Problem.Kind.UNAVAILABLE, problemOf(load).problem().kind());
        assertEquals(before, active());
        assertEquals(
                Problem.Kind.UNAVAILABLE,
                problemOf(load("sprout", (stage, fraction) -> {})).problem().kind());
    }

    @Test
    void aFolderIsRememberedInFull() throws IOException {
        Path relative = Path.of("").toAbsolutePath().relativize(SPROUT.toAbsolutePath());
        load(relative.toString(), (stage, fraction) -> {}).join();
        String full = SPROUT.toAbsolutePath().normalize().toString();
        assertEquals(
                List.of(new Entry(SPROUT.getFileName().toString(), full)),
                state.read().orElseThrow().models());
        assertTrue(Files.isDirectory(Path.of(full)));
    }

    @Test
    void forgettingADefaultThatNeverCameBackLeavesNoDefault() {
        registry.restore(List.of(new Entry("gone", "/models/gone")), "gone");
        assertTrue(registry.unload("gone", Duration.ZERO).wasDefault());
        assertEquals(List.of(), registry.lines());
        assertFalse(registry.defaultModel().isPresent());
        assertEquals(null, state.read().orElseThrow().defaultModel());
    }
}
