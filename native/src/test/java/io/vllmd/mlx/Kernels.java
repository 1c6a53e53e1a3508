package io.vllmd.mlx;

import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** The implementations behind the engine operations on a CPU device, by name. */
final class Kernels {

    /** MLX's own operations instead of this library's primitives. */
    static final String PORTABLE = "portable";

    private static @Nullable String before;

    /** For {@code @ParameterizedTest}: all that exist, whatever this CPU has. */
    static Stream<String> all() {
        return Stream.of("avx512", "avx2", "neon", "generic", PORTABLE);
    }

    /** Those whose rows do not depend on their neighbours; MLX chooses its sums by the number of rows. */
    static Stream<String> own() {
        return all().filter(name -> !name.equals(PORTABLE));
    }

    /** Chooses one until {@link #restore}; skips the test where this CPU lacks it. */
    static void use(String name) {
        before = Mlx.cpuKernels();
        if (name.equals(PORTABLE)) {
            Mlx.portable(true);
            return;
        }
        try {
            Mlx.useCpuKernels(name);
        } catch (MlxException e) {
            Assumptions.abort("CPU kernels " + name + " skipped: " + e.getMessage());
        }
    }

    /** Undoes {@link #use}, if it was called. */
    static void restore() {
        if (before != null) {
            Mlx.useCpuKernels(before);
            Mlx.portable(false);
            before = null;
        }
    }

    private Kernels() {}
}
