package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/** Calls that build the engine's operations; those that make an array answer its handle. */
final class EngineCalls {

    private EngineCalls() {}

    private static final class Linear {
        static final MethodHandle H = NativeLibrary.link(
                "vm_linear",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG,
                        JAVA_LONG, JAVA_LONG));
    }

    static long linear(
            OwnerThread thread,
            long x,
            long w,
            long scales,
            long biases,
            int group,
            int bits,
            long bias,
            long residual) {
        try {
            NativeCalls.check((int) Linear.H.invokeExact(
                    thread.scratch.out(0), x, w, scales, biases, group, bits, bias, residual, thread.stream));
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

    private static final class BatchNew {
        static final MethodHandle H = NativeLibrary.link(
                "vm_batch_new", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT));
    }

    static long newBatch(OwnerThread thread, int[] slots, int[] positions) {
        Scratch scratch = thread.scratch;
        scratch.reset(2 * Scratch.words(slots.length));
        long s = scratch.ints(slots);
        long p = scratch.ints(positions);
        try {
            NativeCalls.check((int) BatchNew.H.invokeExact(scratch.out(0), s, p, slots.length));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class BatchFree {
        static final MethodHandle H = NativeLibrary.link("vm_batch_free", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    }

    static void freeBatch(OwnerThread thread, long batch) {
        try {
            NativeCalls.check((int) BatchFree.H.invokeExact(batch));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class QkvRopeWrite {
        static final MethodHandle H = NativeLibrary.link(
                "vm_qkv_rope_write",
                FunctionDescriptor.of(
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_FLOAT,
                        JAVA_INT,
                        JAVA_FLOAT,
                        JAVA_FLOAT,
                        JAVA_LONG,
                        JAVA_LONG));
    }

    /** Writes into {@code kv}, whose handles it replaces; answers the handle of q. */
    static long qkvRopeWrite(
            OwnerThread thread,
            KvArena kv,
            long qkv,
            long batch,
            int heads,
            int kvHeads,
            int headDim,
            long qNorm,
            long kNorm,
            float eps,
            int ropeDims,
            float ropeBase,
            float ropeScale,
            long freqs) {
        Scratch scratch = thread.scratch;
        scratch.set(1, kv.k.handle());
        scratch.set(2, kv.v.handle());
        try {
            NativeCalls.check((int) QkvRopeWrite.H.invokeExact(
                    scratch.out(0),
                    scratch.out(1),
                    scratch.out(2),
                    qkv,
                    batch,
                    heads,
                    kvHeads,
                    headDim,
                    qNorm,
                    kNorm,
                    eps,
                    ropeDims,
                    ropeBase,
                    ropeScale,
                    freqs,
                    thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        kv.k.replace(scratch.get(1));
        kv.v.replace(scratch.get(2));
        return scratch.get(0);
    }

    private static final class Attention {
        static final MethodHandle H = NativeLibrary.link(
                "vm_attention",
                FunctionDescriptor.of(
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_INT,
                        JAVA_FLOAT,
                        JAVA_LONG));
    }

    static long attention(OwnerThread thread, long q, long k, long v, long batch, int heads, float scale) {
        try {
            NativeCalls.check(
                    (int) Attention.H.invokeExact(thread.scratch.out(0), q, k, v, batch, heads, scale, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class KvCopy {
        static final MethodHandle H = NativeLibrary.link(
                "vm_slot_copy",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    /** Replaces the handle of {@code dst}. */
    static void kvCopy(OwnerThread thread, Array dst, int to, Array src, int from, int length) {
        Scratch scratch = thread.scratch;
        scratch.set(0, dst.handle());
        try {
            NativeCalls.check(
                    (int) KvCopy.H.invokeExact(scratch.out(0), to, src.handle(), from, length, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        dst.replace(scratch.get(0));
    }

    private static final class Rows {
        static final MethodHandle H = NativeLibrary.link(
                "vm_rows", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long rows(OwnerThread thread, long x, int[] rows) {
        Scratch scratch = thread.scratch;
        scratch.reset(Scratch.words(rows.length));
        long dims = scratch.ints(rows);
        try {
            NativeCalls.check((int) Rows.H.invokeExact(scratch.out(0), x, dims, rows.length, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class StepTokens {
        static final MethodHandle H = NativeLibrary.link(
                "vm_step_tokens",
                FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static long stepTokens(OwnerThread thread, long previous, int[] from, int[] ids) {
        Scratch scratch = thread.scratch;
        scratch.reset(2 * Scratch.words(from.length));
        long f = scratch.ints(from);
        long t = scratch.ints(ids);
        try {
            NativeCalls.check(
                    (int) StepTokens.H.invokeExact(scratch.out(0), previous, f, t, from.length, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }
}
