package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/** Calls about pages of keys and values; those that make something answer its handle. */
final class PageCalls {

    private PageCalls() {}

    private static final class New {
        static final MethodHandle H = NativeLibrary.link(
                "vm_kv_new",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    static long allocate(OwnerThread thread, int pages, int most, int kvHeads, int headDim, int dtype, int bits) {
        try {
            NativeCalls.check((int) New.H.invokeExact(
                    thread.scratch.out(0), pages, most, kvHeads, headDim, dtype, bits, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Free {
        static final MethodHandle H =
                NativeLibrary.link("vm_kv_free", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT));
    }

    static void free(OwnerThread thread, long kv) {
        thread.scratch.set(0, kv);
        try {
            NativeCalls.check((int) Free.H.invokeExact(thread.scratch.out(0), 1));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class Grow {
        static final MethodHandle H =
                NativeLibrary.link("vm_kv_grow", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static void grow(OwnerThread thread, long kv, int pages) {
        try {
            NativeCalls.check((int) Grow.H.invokeExact(kv, pages, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class PageBytes {
        static final MethodHandle H =
                NativeLibrary.link("vm_kv_page_bytes", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    }

    static long pageBytes(OwnerThread thread, long kv) {
        try {
            NativeCalls.check((int) PageBytes.H.invokeExact(kv, thread.scratch.out(0)));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Trim {
        static final MethodHandle H =
                NativeLibrary.link("vm_kv_trim", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
    }

    static void trim(OwnerThread thread, long kv, int[] pages) {
        Scratch scratch = thread.scratch;
        scratch.reset(Scratch.words(pages.length));
        long p = scratch.ints(pages);
        try {
            NativeCalls.check((int) Trim.H.invokeExact(kv, p, pages.length));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class Copy {
        static final MethodHandle H = NativeLibrary.link(
                "vm_kv_copy",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT,
                        JAVA_LONG));
    }

    static long copy(OwnerThread thread, long tokens, KvPages[] layers, int[] to, int[] from, int[] counts) {
        Scratch scratch = thread.scratch;
        scratch.reset(8L * layers.length + 3 * Scratch.words(to.length));
        long at = scratch.handles(layers.length);
        for (int i = 0; i < layers.length; i++) {
            scratch.handle(at, i, layers[i].handle());
        }
        long t = scratch.ints(to);
        long f = scratch.ints(from);
        long c = scratch.ints(counts);
        scratch.set(0, tokens);
        try {
            NativeCalls.check((int) Copy.H.invokeExact(
                    scratch.out(0), scratch.address(at), layers.length, t, f, c, to.length, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class Read {
        static final MethodHandle H =
                NativeLibrary.link("vm_kv_read", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static void read(OwnerThread ignored, long kv, int page, long to) {
        try {
            NativeCalls.check((int) Read.H.invokeExact(kv, page, to));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class Write {
        static final MethodHandle H =
                NativeLibrary.link("vm_kv_write", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static void write(OwnerThread ignored, long kv, int page, long from) {
        try {
            NativeCalls.check((int) Write.H.invokeExact(kv, page, from));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class StepNew {
        static final MethodHandle H = NativeLibrary.link(
                "vm_step_new",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                        JAVA_INT));
    }

    static long newStep(
            OwnerThread thread, int[] sequences, int[] positions, int[][] tables, int[] first, int[] sinks) {
        Scratch scratch = thread.scratch;
        int[] offsets = new int[tables.length + 1];
        for (int i = 0; i < tables.length; i++) {
            offsets[i + 1] = offsets[i] + tables[i].length;
        }
        int pages = offsets[tables.length];
        scratch.reset(2 * Scratch.words(sequences.length)
                + Scratch.words(pages)
                + Scratch.words(offsets.length)
                + 2 * Scratch.words(tables.length));
        long s = scratch.ints(sequences);
        long p = scratch.ints(positions);
        long t = scratch.ints(tables, pages);
        long o = scratch.ints(offsets);
        long f = scratch.ints(first);
        long k = scratch.ints(sinks);
        try {
            NativeCalls.check(
                    (int) StepNew.H.invokeExact(scratch.out(0), s, p, sequences.length, t, o, f, k, tables.length));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class StepFree {
        static final MethodHandle H = NativeLibrary.link("vm_step_free", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    }

    static void freeStep(OwnerThread ignored, long step) {
        try {
            NativeCalls.check((int) StepFree.H.invokeExact(step));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class Append {
        static final MethodHandle H = NativeLibrary.link(
                "vm_kv_append",
                FunctionDescriptor.of(
                        JAVA_INT,
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

    static long append(
            OwnerThread thread,
            long kv,
            long qkv,
            long step,
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
        try {
            NativeCalls.check((int) Append.H.invokeExact(
                    thread.scratch.out(0),
                    kv,
                    qkv,
                    step,
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
        return thread.scratch.get(0);
    }

    private static final class Attention {
        static final MethodHandle H = NativeLibrary.link(
                "vm_kv_attention",
                FunctionDescriptor.of(
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_INT,
                        JAVA_FLOAT,
                        JAVA_INT,
                        JAVA_LONG));
    }

    static long attention(OwnerThread thread, long q, long kv, long step, int heads, float scale, int window) {
        try {
            NativeCalls.check((int)
                    Attention.H.invokeExact(thread.scratch.out(0), q, kv, step, heads, scale, window, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }
}
