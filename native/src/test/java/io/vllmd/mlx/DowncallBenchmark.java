package io.vllmd.mlx;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.Random;

/**
 * What a call into the library costs, by hand: {@code java --enable-native-access=ALL-UNNAMED -cp
 * target/test-classes:target/classes:… io.vllmd.mlx.DowncallBenchmark}. Each line is the best of nine rounds,
 * after as many for the compiler.
 */
@SuppressWarnings({"try", "SystemOut"})
public final class DowncallBenchmark {

    private static final int ROUNDS = 9;

    public static void main(String[] args) {
        try (MlxThread mlx = MlxThread.start("mlx")) {
            mlx.call(() -> {
                Mlx.setDefaultDevice(Device.CPU);
                calls();
                return null;
            });
            measure("submit to the MLX thread and wait", 10_000, n -> {
                int sum = 0;
                for (int i = 0; i < n; i++) {
                    sum += mlx.call(() -> 1);
                }
                return sum;
            });
        }
    }

    private static void calls() {
        Random random = new Random(1);
        Array x = Array.of(Numbers.random(random, 256), 1, 256);
        Array norm = Array.of(Numbers.random(random, 256), 256);
        Weight weight = new AffineMatrix(random, 256, 256, 64, 8, Dtype.FLOAT32).weight(null);
        int[] shape = {16, 16};
        int[] sequences = {0, 1, 2, 3};
        int[][] tables = {{0}, {1}, {2}, {3}};
        OwnerThread thread = OwnerThread.current();
        measure("the downcall itself (vm_abi)", 1_000_000, n -> {
            long sum = 0;
            for (int i = 0; i < n; i++) {
                sum += abi();
            }
            return sum;
        });
        measure("memory counters", 1_000_000, n -> {
            long sum = 0;
            for (int i = 0; i < n; i++) {
                LibraryCalls.memory(thread);
                sum += thread.scratch.get(0);
            }
            return sum;
        });
        measure("array description", 1_000_000, n -> {
            long sum = 0;
            for (int i = 0; i < n; i++) {
                ArrayCalls.info(thread, x.handle());
                sum += thread.scratch.nbytes();
            }
            return sum;
        });
        measure("Mlx.add, in a scope of 100", 100_000, n -> scoped(n, () -> Mlx.add(x, x)));
        measure("Mlx.reshape, in a scope of 100", 100_000, n -> scoped(n, () -> Mlx.reshape(x, shape)));
        measure("Mlx.linear 8-bit, in a scope of 100", 100_000, n -> scoped(n, () -> Mlx.linear(x, weight)));
        measure("Mlx.rmsNorm, in a scope of 100", 100_000, n -> scoped(n, () -> Mlx.rmsNorm(x, norm, 1e-6f)));
        measure("StepRows of 4 rows", 100_000, n -> {
            long sum = 0;
            for (int i = 0; i < n; i++) {
                try (StepRows step = StepRows.of(sequences, sequences, tables, sequences, sequences)) {
                    sum += step.handle();
                }
            }
            return sum;
        });
        measure("linear 256x256 8-bit, evaluated and read", 2_000, n -> {
            long sum = 0;
            for (int i = 0; i < n; i++) {
                try (Scope scope = Scope.open()) {
                    sum += Mlx.linear(x, weight).toFloats().length;
                }
            }
            return sum;
        });
    }

    private static long scoped(int n, Runnable build) {
        for (int i = 0; i < n; i += 100) {
            try (Scope scope = Scope.open()) {
                for (int j = 0; j < 100; j++) {
                    build.run();
                }
            }
        }
        return n;
    }

    private static final class Abi {
        static final MethodHandle H = NativeLibrary.link("vm_abi", FunctionDescriptor.of(ValueLayout.JAVA_INT));
    }

    private static int abi() {
        try {
            return (int) Abi.H.invokeExact();
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private interface Body {
        long run(int n);
    }

    private static void measure(String what, int n, Body body) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long best = Long.MAX_VALUE;
        long allocated = 0;
        long sink = 0;
        for (int round = 0; round < 2 * ROUNDS; round++) {
            long heap = threads.getCurrentThreadAllocatedBytes();
            long start = System.nanoTime();
            sink += body.run(n);
            long time = System.nanoTime() - start;
            if (round >= ROUNDS) {
                best = Math.min(best, time);
                allocated = threads.getCurrentThreadAllocatedBytes() - heap;
            }
        }
        System.out.println(String.format(
                Locale.ROOT,
                "%10.1f ns %6.0f B heap  %s%s",
                (double) best / n,
                (double) allocated / n,
                what,
                sink == 0 ? " !" : ""));
    }

    private DowncallBenchmark() {}
}
