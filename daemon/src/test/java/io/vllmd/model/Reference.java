package io.vllmd.model;

import io.vllmd.mlx.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Assumptions;

/** What model_fixtures.py (src/test/python) had mlx-lm compute, read from NAME.reference.safetensors. */
record Reference(Path file, Safetensors tensors) {
    /** Choices of the reference that are clearer than this must be ours, too. */
    static final float CLEAR_MARGIN = 1e-2f;

    /** Largest difference of a logit. */
    static final float TOLERANCE = 1e-3f;

    /** The folder of the small models, on the test class path. */
    static Path models() {
        return Path.of("src/test/resources/models").toAbsolutePath();
    }

    static Reference of(String name) throws IOException {
        Path file = models().resolve(name + ".reference.safetensors");
        return new Reference(file, Safetensors.open(file));
    }

    /**
     * A folder of the test data, under VLLMD_TEST_DATA or else a folder "shared" above the repository; skips the
     * test without it.
     */
    static Path testData(String relative) {
        String given = System.getenv("VLLMD_TEST_DATA");
        if (given != null && Files.exists(Path.of(given, relative))) {
            return Path.of(given, relative);
        }
        for (Path up = Path.of("").toAbsolutePath(); given == null && up != null; up = up.getParent()) {
            Path path = up.resolve("shared").resolve(relative);
            if (Files.exists(path)) {
                return path;
            }
        }
        return Assumptions.abort("test data is missing: " + relative + "; VLLMD_TEST_DATA names its folder");
    }

    int[] ints(String name) throws IOException {
        return bytes(name).toArray(ValueLayout.JAVA_INT);
    }

    float[] floats(String name) throws IOException {
        return bytes(name).toArray(ValueLayout.JAVA_FLOAT);
    }

    /** A matrix by rows. */
    float[][] rows(String name) throws IOException {
        float[] flat = floats(name);
        float[][] rows = new float[tensor(name).shape()[0]][];
        int width = flat.length / rows.length;
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Arrays.copyOfRange(flat, i * width, (i + 1) * width);
        }
        return rows;
    }

    private MemorySegment bytes(String name) throws IOException {
        MemorySegment into = Arena.ofAuto().allocate(tensor(name).nbytes(), 8);
        tensors.read(tensor(name), into);
        return into;
    }

    private Safetensors.Tensor tensor(String name) {
        return Objects.requireNonNull(tensors.tensors().get(name), () -> name + " is not in " + file);
    }
}
