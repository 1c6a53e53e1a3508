package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/** Calls that build one MLX operation each; all answer the new handle. */
final class OperationCalls {

    private OperationCalls() {}

    private static final class Unary {
        static final MethodHandle H = NativeLibrary.link(
                "vm_unary", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG));
    }

    static long unary(OwnerThread thread, int op, long a) {
        try {
            NativeCalls.check((int) Unary.H.invokeExact(thread.scratch.out(0), op, a, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Binary {
        static final MethodHandle H = NativeLibrary.link(
                "vm_binary", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    }

    static long binary(OwnerThread thread, int op, long a, long b) {
        try {
            NativeCalls.check((int) Binary.H.invokeExact(thread.scratch.out(0), op, a, b, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Reduce {
        static final MethodHandle H = NativeLibrary.link(
                "vm_reduce",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    static long reduce(OwnerThread thread, int op, long a, int axis, boolean keepDims) {
        try {
            NativeCalls.check(
                    (int) Reduce.H.invokeExact(thread.scratch.out(0), op, a, axis, keepDims ? 1 : 0, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Where {
        static final MethodHandle H = NativeLibrary.link(
                "vm_where", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    }

    static long where(OwnerThread thread, long condition, long a, long b) {
        try {
            NativeCalls.check((int) Where.H.invokeExact(thread.scratch.out(0), condition, a, b, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Astype {
        static final MethodHandle H = NativeLibrary.link(
                "vm_astype", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long astype(OwnerThread thread, long a, int dtype) {
        try {
            NativeCalls.check((int) Astype.H.invokeExact(thread.scratch.out(0), a, dtype, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Contiguous {
        static final MethodHandle H =
                NativeLibrary.link("vm_contiguous", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    }

    static long contiguous(OwnerThread thread, long a) {
        try {
            NativeCalls.check((int) Contiguous.H.invokeExact(thread.scratch.out(0), a, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Reshape {
        static final MethodHandle H = NativeLibrary.link(
                "vm_reshape", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long reshape(OwnerThread thread, long a, int[] shape) {
        Scratch scratch = thread.scratch;
        scratch.reset(Scratch.words(shape.length));
        long dims = scratch.ints(shape);
        try {
            NativeCalls.check((int) Reshape.H.invokeExact(scratch.out(0), a, dims, shape.length, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class Transpose {
        static final MethodHandle H = NativeLibrary.link(
                "vm_transpose", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long transpose(OwnerThread thread, long a, int[] axes) {
        Scratch scratch = thread.scratch;
        scratch.reset(Scratch.words(axes.length));
        long dims = scratch.ints(axes);
        try {
            NativeCalls.check((int) Transpose.H.invokeExact(scratch.out(0), a, dims, axes.length, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class Slice {
        static final MethodHandle H = NativeLibrary.link(
                "vm_slice",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long slice(OwnerThread thread, long a, int[] start, int[] stop) {
        Scratch scratch = thread.scratch;
        scratch.reset(2 * Scratch.words(start.length));
        long from = scratch.ints(start);
        long to = scratch.ints(stop);
        try {
            NativeCalls.check((int) Slice.H.invokeExact(scratch.out(0), a, from, to, start.length, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class Concatenate {
        static final MethodHandle H = NativeLibrary.link(
                "vm_concatenate", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    static long concatenate(OwnerThread thread, Array[] arrays, int axis) {
        Scratch scratch = thread.scratch;
        scratch.reset(8L * arrays.length);
        long at = ArrayCalls.handles(scratch, arrays);
        try {
            NativeCalls.check((int)
                    Concatenate.H.invokeExact(scratch.out(0), scratch.address(at), arrays.length, axis, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class Take {
        static final MethodHandle H = NativeLibrary.link(
                "vm_take", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long take(OwnerThread thread, long a, long indices, int axis) {
        try {
            NativeCalls.check((int) Take.H.invokeExact(thread.scratch.out(0), a, indices, axis, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Argsort {
        static final MethodHandle H = NativeLibrary.link(
                "vm_argsort", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long argsort(OwnerThread thread, long a, int axis) {
        try {
            NativeCalls.check((int) Argsort.H.invokeExact(thread.scratch.out(0), a, axis, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Softmax {
        static final MethodHandle H = NativeLibrary.link(
                "vm_softmax", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long softmax(OwnerThread thread, long a, int axis) {
        try {
            NativeCalls.check((int) Softmax.H.invokeExact(thread.scratch.out(0), a, axis, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Full {
        static final MethodHandle H = NativeLibrary.link(
                "vm_full",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_FLOAT, JAVA_INT, JAVA_LONG));
    }

    static long full(OwnerThread thread, int[] shape, float value, int dtype) {
        Scratch scratch = thread.scratch;
        scratch.reset(Scratch.words(shape.length));
        long dims = scratch.ints(shape);
        try {
            NativeCalls.check(
                    (int) Full.H.invokeExact(scratch.out(0), dims, shape.length, value, dtype, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class RandomNormal {
        static final MethodHandle H = NativeLibrary.link(
                "vm_random_normal",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long randomNormal(OwnerThread thread, int[] shape, long seed, int dtype) {
        Scratch scratch = thread.scratch;
        scratch.reset(Scratch.words(shape.length));
        long dims = scratch.ints(shape);
        try {
            NativeCalls.check(
                    (int) RandomNormal.H.invokeExact(scratch.out(0), dims, shape.length, seed, dtype, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class Quantize {
        static final MethodHandle H = NativeLibrary.link(
                "vm_quantize",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    /** Leaves packed, scales and biases in out-slots 0, 1, 2. */
    static void quantize(OwnerThread thread, long w, int group, int bits) {
        Scratch scratch = thread.scratch;
        try {
            NativeCalls.check((int) Quantize.H.invokeExact(
                    scratch.out(0), scratch.out(1), scratch.out(2), w, group, bits, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class Dequantize {
        static final MethodHandle H = NativeLibrary.link(
                "vm_dequantize",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    static long dequantize(OwnerThread thread, long packed, long scales, long biases, int group, int bits) {
        try {
            NativeCalls.check((int) Dequantize.H.invokeExact(
                    thread.scratch.out(0), packed, scales, biases, group, bits, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }
}
