package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/** Calls that make, read, evaluate and free arrays. */
final class ArrayCalls {

    private ArrayCalls() {}

    /** Places the arrays' handles in the scratch, which was reset for them; the answer is their offset. */
    static long handles(Scratch scratch, Array[] arrays) {
        long at = scratch.handles(arrays.length);
        for (int i = 0; i < arrays.length; i++) {
            scratch.handle(at, i, arrays[i].handle());
        }
        return at;
    }

    private static final class ArrayAlloc {
        static final MethodHandle H = NativeLibrary.link(
                "vm_array_alloc", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT));
    }

    /** Leaves the handle in out-slot 0, the memory's address in out-slot 1. */
    static void alloc(OwnerThread thread, int[] shape, int dtype) {
        Scratch scratch = thread.scratch;
        scratch.reset(Scratch.words(shape.length));
        long dims = scratch.ints(shape);
        try {
            NativeCalls.check(
                    (int) ArrayAlloc.H.invokeExact(scratch.out(0), scratch.out(1), dims, shape.length, dtype));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class WeightAlloc {
        static final MethodHandle H = NativeLibrary.link(
                "vm_weight_alloc",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT));
    }

    /** As {@link #alloc}. */
    static void allocWeight(OwnerThread thread, int[] shape, int dtype) {
        Scratch scratch = thread.scratch;
        scratch.reset(Scratch.words(shape.length));
        long dims = scratch.ints(shape);
        try {
            NativeCalls.check(
                    (int) WeightAlloc.H.invokeExact(scratch.out(0), scratch.out(1), dims, shape.length, dtype));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class ArrayFree {
        static final MethodHandle H =
                NativeLibrary.link("vm_array_free", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT));
    }

    /** Frees the {@code n} handles that lie in the scratch at {@code offset}. */
    static void free(OwnerThread thread, long offset, int n) {
        try {
            NativeCalls.check((int) ArrayFree.H.invokeExact(thread.scratch.address(offset), n));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class ArrayInfo {
        static final MethodHandle H = NativeLibrary.link(
                "vm_array_info",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    }

    /** Leaves the description in the scratch's description area. */
    static void info(OwnerThread thread, long a) {
        Scratch scratch = thread.scratch;
        try {
            NativeCalls.check((int) ArrayInfo.H.invokeExact(
                    a, scratch.dtypeOut(), scratch.ndimOut(), scratch.shapeOut(), scratch.nbytesOut()));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class ArrayData {
        static final MethodHandle H =
                NativeLibrary.link("vm_array_data", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    }

    /** Computes it and answers the address of its elements; fails where they are not contiguous. */
    static long data(OwnerThread thread, long a) {
        try {
            NativeCalls.check((int) ArrayData.H.invokeExact(a, thread.scratch.out(0)));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    /** As {@link #data}, but 0 where that fails. */
    static long dataIfContiguous(OwnerThread thread, long a) {
        int status;
        try {
            status = (int) ArrayData.H.invokeExact(a, thread.scratch.out(0));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return status == NativeCalls.OK ? thread.scratch.get(0) : 0;
    }

    private static final class Eval {
        static final MethodHandle H =
                NativeLibrary.link("vm_eval", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT));
    }

    static void eval(OwnerThread thread, Array[] arrays) {
        Scratch scratch = thread.scratch;
        scratch.reset(8L * arrays.length);
        long at = handles(scratch, arrays);
        try {
            NativeCalls.check((int) Eval.H.invokeExact(scratch.address(at), arrays.length));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class AsyncEval {
        static final MethodHandle H =
                NativeLibrary.link("vm_async_eval", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT));
    }

    static void asyncEval(OwnerThread thread, Array[] arrays) {
        Scratch scratch = thread.scratch;
        scratch.reset(8L * arrays.length);
        long at = handles(scratch, arrays);
        try {
            NativeCalls.check((int) AsyncEval.H.invokeExact(scratch.address(at), arrays.length));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }
}
