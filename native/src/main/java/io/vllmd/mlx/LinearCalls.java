package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Calls about linear layers and what stands around them; those that make an array answer its handle. */
final class LinearCalls {

    private LinearCalls() {}

    private static final class LinearFused {
        static final MethodHandle H = NativeLibrary.link(
                "vm_linear_fused",
                FunctionDescriptor.of(
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_FLOAT,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_LONG));
    }

    /** {@code norm} and {@code residual} are 0 for none. */
    static long linear(OwnerThread thread, long x, long norm, float eps, Weight weight, boolean gated, long residual) {
        long w;
        long scales = 0;
        long biases = 0;
        int group = 0;
        int layout = 0;
        switch (weight) {
            case Weight.Dense d -> w = d.w().handle();
            case Weight.Affine a -> {
                w = a.packed().handle();
                scales = a.scales().handle();
                biases = a.biases().handle();
                group = a.group();
                layout = a.layout();
            }
        }
        long bias = Array.handleOrNone(weight.bias());
        int swiglu = gated ? 1 : 0;
        try {
            NativeCalls.check((int) LinearFused.H.invokeExact(
                    thread.scratch.out(0),
                    x,
                    norm,
                    eps,
                    w,
                    scales,
                    biases,
                    group,
                    layout,
                    bias,
                    swiglu,
                    residual,
                    thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Embedding {
        static final MethodHandle H = NativeLibrary.link(
                "vm_embedding",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT,
                        JAVA_LONG));
    }

    static long embedding(OwnerThread thread, long ids, long w, long scales, long biases, int group, int bits) {
        try {
            NativeCalls.check((int)
                    Embedding.H.invokeExact(thread.scratch.out(0), ids, w, scales, biases, group, bits, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class RmsNorm {
        static final MethodHandle H = NativeLibrary.link(
                "vm_rms_norm", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_FLOAT, JAVA_LONG));
    }

    static long rmsNorm(OwnerThread thread, long x, long weight, float eps) {
        try {
            NativeCalls.check((int) RmsNorm.H.invokeExact(thread.scratch.out(0), x, weight, eps, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Swiglu {
        static final MethodHandle H =
                NativeLibrary.link("vm_swiglu", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    }

    static long swiglu(OwnerThread thread, long x) {
        try {
            NativeCalls.check((int) Swiglu.H.invokeExact(thread.scratch.out(0), x, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class ToPanels {
        static final MethodHandle H = NativeLibrary.link(
                "vm_to_panels",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
                        JAVA_LONG));
    }

    /** Addresses of the three arrays' memory. Of no thread in particular, so it has no scratch memory. */
    static boolean toPanels(
            long values, long scales, long biases, int rows, int columns, int group, int bits, int dtype) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment done = arena.allocate(JAVA_INT);
            NativeCalls.check((int)
                    ToPanels.H.invokeExact(values, scales, biases, rows, columns, group, bits, dtype, done.address()));
            return done.get(JAVA_INT, 0) != 0;
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class CpuMathUse {
        static final MethodHandle H = NativeLibrary.link("vm_cpu_math_use", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    }

    static void useCpuMath(OwnerThread thread, boolean fast) {
        try {
            NativeCalls.check((int) CpuMathUse.H.invokeExact(fast ? 1 : 0));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class CpuMathFast {
        static final MethodHandle H =
                NativeLibrary.link("vm_cpu_math_fast", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    }

    static boolean hasFastCpuMath(OwnerThread thread) {
        try {
            NativeCalls.check((int) CpuMathFast.H.invokeExact(thread.scratch.out(0)));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return (int) thread.scratch.get(0) != 0;
    }
}
