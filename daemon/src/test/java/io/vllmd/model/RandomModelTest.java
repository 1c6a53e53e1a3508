package io.vllmd.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The generator makes folders that load, whose logits are numbers and differ from token to token. */
class RandomModelTest extends ModelTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(ints = {32, 16, 8, 4})
    void loadsAndComputes(int bits) throws Exception {
        RandomModel small = RandomModel.small(bits);
        RandomModel slidingUntied = new RandomModel(192, 3, 6, 2, 32, 320, 500, bits, false, 40, 1024);
        for (RandomModel shape : new RandomModel[] {small, slidingUntied}) {
            Path path = shape.write(folder.resolve("model-" + shape.hidden()));
            float[][] logits = with(path, model -> {
                assertEquals(shape.layers(), model.description().kvLayers().size());
                assertEquals(
                        shape.window(),
                        model.description().kvLayers().getFirst().window());
                try (PlainCache cache = new PlainCache(model.description(), 1, 128)) {
                    return cache.step(model, new int[] {1, 2, 3});
                }
            });
            assertEquals(shape.vocabulary(), logits[2].length);
            for (float logit : logits[2]) {
                assertTrue(Math.abs(logit) < 100, "logit " + logit);
            }
            assertTrue(largestDifference(logits[1], logits[2]) > 1e-3);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {32, 8})
    void writesTheSameTwice(int bits) throws Exception {
        Path one = RandomModel.small(bits).write(folder.resolve("one"));
        Path two = RandomModel.small(bits).write(folder.resolve("two"));
        assertEquals(-1, Files.mismatch(one.resolve("model.safetensors"), two.resolve("model.safetensors")));
    }
}
