package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/** Calls that build the engine's operations; those that make an array answer its handle. */
final class EngineCalls {

    private EngineCalls() {}

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
