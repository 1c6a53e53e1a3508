package io.vllmd.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.engine.Engine;
import io.vllmd.engine.EngineLimits;
import io.vllmd.engine.memory.MemoryEstimate;
import io.vllmd.engine.memory.SystemMemory;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import io.vllmd.model.RandomModel;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that cannot fit is refused before it is read, and the refusal tells by how much. */
class MemoryCheckTest {
    @TempDir
    private Path home;

    private MlxThread mlx;
    private Engine engine;
    private ModelFolder folder;

    /** What other tests of this process have not given back. */
    private long held;

    @BeforeEach
    void start() throws Exception {
        mlx = MlxThread.start("mlx-check-test");
        mlx.call(() -> {
            Mlx.setDefaultDevice(Device.CPU);
            return true;
        });
        held = mlx.call(Mlx::memory).active();
        engine = new Engine(mlx, EngineLimits.DEFAULT);
        folder = ModelFolder.open(RandomModel.small(8).write(home));
    }

    @AfterEach
    void close() throws Exception {
        folder.close();
        engine.close();
        mlx.close();
    }

    /** Memory of which models may take half, that being so many bytes more than are held. */
    private void require(long forModels) {
        new MemoryCheck(mlx, engine, Optional.of(new SystemMemory(2 * (held + forModels))))
                .require("m", folder, Device.CPU, 0);
    }

    private long needed() {
        return MemoryEstimate.of(ModelLoader.footprint(folder, Device.CPU), new MemoryEstimate.Load(1, 4096, 256, 0))
                .total();
    }

    @Test
    void whatFitsIsLetInAndWhatIsAByteTooLargeIsNot() {
        long needed = needed();
        require(needed);
        Problem problem =
                assertThrows(ProblemException.class, () -> require(needed - 1)).problem();
        assertEquals(Problem.Kind.UNAVAILABLE, problem.kind());
        assertTrue(problem.message().contains("m needs about " + needed + " bytes"), problem.message());
        assertTrue(problem.message().contains((needed - 1) + " are free"), problem.message());
    }

    @Test
    void whatIsLoadedCounts() throws Exception {
        LanguageModel loaded = ModelLoader.load(folder, mlx, Device.CPU, fraction -> {});
        long weights = loaded.description().weightBytes();
        assertThrows(ProblemException.class, () -> require(needed() + weights / 2));
        require(needed() + weights * 11 / 10);
        mlx.call(() -> {
            loaded.close();
            return true;
        });
    }

    @Test
    void whereNobodySaysHowMuchThereIsEveryModelMayTry() {
        new MemoryCheck(mlx, engine, Optional.empty()).require("m", folder, Device.CPU, 0);
    }
}
