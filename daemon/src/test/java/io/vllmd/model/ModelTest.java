package io.vllmd.model;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import java.nio.file.Path;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** An MLX thread that computes on the CPU, where results are float32, whatever the machine has. */
abstract class ModelTest {
    static MlxThread mlx;

    @BeforeAll
    static void start() {
        mlx = MlxThread.start("mlx-test");
        mlx.call(() -> {
            Mlx.setDefaultDevice(Device.CPU);
            return 0;
        });
    }

    @AfterAll
    static void stop() {
        mlx.close();
    }

    static LanguageModel load(Path path) throws Exception {
        try (ModelFolder folder = ModelFolder.open(path)) {
            return ModelLoader.load(folder, mlx, Device.CPU, fraction -> {});
        }
    }

    /** Loads a model, works with it on the MLX thread and closes it. */
    static <T> T with(Path path, Function<LanguageModel, T> work) throws Exception {
        LanguageModel model = load(path);
        return mlx.call(() -> {
            try (model) {
                return work.apply(model);
            }
        });
    }

    static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            if (values[i] > values[best]) {
                best = i;
            }
        }
        return best;
    }

    static float largestDifference(float[] a, float[] b) {
        float largest = a.length == b.length ? 0 : Float.POSITIVE_INFINITY;
        for (int i = 0; i < Math.min(a.length, b.length); i++) {
            float difference = Math.abs(a[i] - b[i]);
            // A NaN must not look like agreement.
            largest = difference <= largest ? largest : Float.isNaN(difference) ? Float.POSITIVE_INFINITY : difference;
        }
        return largest;
    }
}
