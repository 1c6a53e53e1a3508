package io.vllmd.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.ProblemException;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelLoaderTest extends ModelTest {

    private static long active() {
        return mlx.call(Mlx::memory).active();
    }

    @Test
    void describesWhatItLoaded() throws Exception {
        LanguageModel.Description description =
                with(Reference.models().resolve("mixed-bits"), LanguageModel::description);
        assertEquals("qwen3", description.architecture());
        assertEquals(128, description.vocabulary());
        assertEquals(256, description.contextLength());
        assertEquals(Collections.nCopies(2, new LanguageModel.KvLayer(2, 16, 0)), description.kvLayers());
        assertEquals(
                "8-bit, groups of 32 and 4-bit, groups of 32 and 8-bit, groups of 64 and bfloat16",
                description.quantization());
    }

    @Test
    void holdsTheBytesThatItTellsAndFreesThemWhenClosed() throws Exception {
        long before = active();
        LanguageModel model = load(Reference.models().resolve("affine4-g64-shards"));
        long held = active() - before;
        assertTrue(held >= model.description().weightBytes(), held + " bytes are held");
        assertTrue(model.description().weightBytes() > 50_000);
        mlx.call(() -> {
            model.close();
            return 0;
        });
        assertEquals(before, active());
    }

    @Test
    void theMlxThreadIsFreeWhileFilesAreRead() throws Exception {
        List<Double> fractions = new ArrayList<>();
        int answered;
        try (ModelFolder folder = ModelFolder.open(Reference.models().resolve("dense-bf16-tied-shards"))) {
            // A load that held the MLX thread would never get past the first of these.
            LanguageModel model =
                    ModelLoader.load(folder, mlx, Device.CPU, fraction -> fractions.add(mlx.call(() -> fraction)));
            answered = fractions.size();
            mlx.call(() -> {
                model.close();
                return 0;
            });
        }
        assertTrue(answered > 20, answered + " steps of progress");
        assertEquals(fractions.stream().sorted().toList(), fractions);
        assertEquals(1.0, fractions.getLast());
    }

    @Test
    void anInterruptCancelsAndFreesEverything() throws Exception {
        long before = active();
        try (ModelFolder folder = ModelFolder.open(Reference.models().resolve("dense-f16"))) {
            assertThrows(
                    InterruptedException.class,
                    () -> ModelLoader.load(folder, mlx, Device.CPU, fraction -> {
                        if (fraction > 0.5) {
                            Thread.currentThread().interrupt();
                        }
                    }));
        }
        assertEquals(before, active());
    }

    @Test
    void aFileCutWhileItIsReadIsToldByTensorAndFreesEverything(@TempDir Path folder) throws Exception {
        Path file = EditedModel.of("dense-f16").write(folder).resolve("model.safetensors");
        long before = active();
        try (ModelFolder open = ModelFolder.open(folder)) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(channel.size() - 100);
            }
            String message = assertThrows(
                            ProblemException.class, () -> ModelLoader.load(open, mlx, Device.CPU, fraction -> {}))
                    .problem()
                    .message();
            assertTrue(message.contains("model.norm.weight"), message);
            assertTrue(message.contains("model.safetensors"), message);
        }
        assertEquals(before, active());
    }
}
