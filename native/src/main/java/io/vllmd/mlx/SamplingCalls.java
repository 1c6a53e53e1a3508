package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/** Calls that choose tokens. */
final class SamplingCalls {

    private SamplingCalls() {}

    private static final class Sample {
        static final MethodHandle H = NativeLibrary.link(
                "vm_sample",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT,
                        JAVA_LONG));
    }

    static long sample(
            OwnerThread thread,
            long logits,
            float[] temperature,
            int[] topK,
            float[] topP,
            float[] minP,
            float[] uniform) {
        Scratch scratch = thread.scratch;
        scratch.reset(5 * Scratch.words(temperature.length));
        long t = scratch.floats(temperature);
        long k = scratch.ints(topK);
        long p = scratch.floats(topP);
        long m = scratch.floats(minP);
        long u = scratch.floats(uniform);
        try {
            NativeCalls.check((int)
                    Sample.H.invokeExact(scratch.out(0), logits, t, k, p, m, u, temperature.length, thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return scratch.get(0);
    }

    private static final class Choose {
        static final MethodHandle H = NativeLibrary.link(
                "vm_choose",
                FunctionDescriptor.of(
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG,
                        JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT,
                        JAVA_LONG));
    }

    /** Leaves the handles of tokens, logprobs and ids in out-slots 0 to 2; 0 = none. */
    static void choose(OwnerThread thread, long logits, SamplingRows rows, int words, long previous) {
        Scratch scratch = thread.scratch;
        scratch.reset(rows.bytes(words));
        SamplingRows.Written at = rows.write(scratch, words);
        try {
            NativeCalls.check((int) Choose.H.invokeExact(
                    scratch.out(0),
                    scratch.out(1),
                    scratch.out(2),
                    logits,
                    at.rows(),
                    rows.rows(),
                    previous,
                    at.countIds(),
                    at.generated(),
                    at.repeats(),
                    rows.counts(),
                    at.biasIds(),
                    at.biases(),
                    rows.biased(),
                    at.masks(),
                    rows.masks(),
                    rows.top(),
                    thread.stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }
}
