package io.vllmd.mlx;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * The operations that models and the engine are built from, evaluation, and what concerns MLX as a whole.
 * Everything here belongs to the MLX thread. Activations are rows: [n, K], one row per token. On a CPU
 * device the engine operations sum in float32 and give each row a result independent of the other rows.
 */
public final class Mlx extends LinearOperations {

    private Mlx() {}

    /** Bytes held by arrays, kept by the allocator for reuse, and the most ever held by arrays. */
    public record Memory(long active, long cached, long peak) {}

    /**
     * Splits qkv into q, k and v, RMS-norms q and k per head, rotates them, and writes k and v in place into the pages
     * of the rows' sequences. The rotation takes the first {@code ropeDims} of each head, halves paired
     * (i, i + ropeDims/2), by angle position · ropeScale · ropeBase^(-2i/ropeDims), or position / freqs[i] where freqs
     * is given.
     *
     * @param qkv [n, (heads + 2·kvHeads)·headDim]
     * @param qNorm norm weight [headDim] of the query heads, or null for none; likewise kNorm
     * @param freqs [ropeDims/2] or null
     * @return q [n, heads·headDim]; attention that is to see the rows written is built from it, and nothing is written
     *     unless it is evaluated
     */
    public static Array append(
            Array qkv,
            KvPages kv,
            StepRows rows,
            int heads,
            int kvHeads,
            int headDim,
            @Nullable Array qNorm,
            @Nullable Array kNorm,
            float eps,
            int ropeDims,
            float ropeBase,
            float ropeScale,
            @Nullable Array freqs) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(
                thread,
                PageCalls.append(
                        thread,
                        kv.handle(),
                        qkv.handle(),
                        rows.handle(),
                        heads,
                        kvHeads,
                        headDim,
                        Array.handleOrNone(qNorm),
                        Array.handleOrNone(kNorm),
                        eps,
                        ropeDims,
                        ropeBase,
                        ropeScale,
                        Array.handleOrNone(freqs)));
    }

    /**
     * [n, heads·headDim]: softmax(scale · q·Kᵀ)·V. The row at position p sees the positions t &lt;= p of its sequence
     * with t &gt;= max(first, window &gt; 0 ? p - window + 1 : 0), or t &lt; sinks. Query head h reads kv head
     * h / (heads / kvHeads).
     *
     * @param q [n, heads·headDim], from {@link #append}
     * @param window 0 for all positions
     */
    public static Array attention(Array q, KvPages kv, StepRows rows, int heads, float scale, int window) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(
                thread, PageCalls.attention(thread, q.handle(), kv.handle(), rows.handle(), heads, scale, window));
    }

    /** [m, K]: the rows {@code rows[i]} of x. */
    public static Array rows(Array x, int[] rows) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, EngineCalls.rows(thread, x.handle(), rows));
    }

    /**
     * int32 [n]: {@code previous[from[i]]} where {@code from[i] >= 0}, else {@code ids[i]}: how the tokens of
     * one step feed the next without passing through the host.
     *
     * @param previous int32 [p], or null if no {@code from[i] >= 0}
     */
    public static Array stepTokens(@Nullable Array previous, int[] from, int[] ids) {
        if (from.length != ids.length) {
            throw new IllegalArgumentException(
                    "stepTokens takes one from and one id a row, got " + from.length + " and " + ids.length);
        }
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, EngineCalls.stepTokens(thread, Array.handleOrNone(previous), from, ids));
    }

    /**
     * int32 [n]: one token per row of logits [n, V]. Temperature 0 takes the largest, the lowest id of equals.
     * Else the logits are divided by it, the topK largest kept (0 = all), of those the smallest set whose
     * probability reaches topP (1 = all), of those what has at least minP times the largest probability (0 =
     * all); of the renormalised rest the first token, by descending probability then ascending id, whose
     * cumulated probability exceeds {@code uniform} in [0, 1). All arrays have one element a row.
     */
    public static Array sample(
            Array logits, float[] temperature, int[] topK, float[] topP, float[] minP, float[] uniform) {
        int n = temperature.length;
        if (topK.length != n || topP.length != n || minP.length != n || uniform.length != n) {
            throw new IllegalArgumentException("sample takes one parameter of each kind a row, got " + n
                    + " temperatures, " + topK.length + " topK, " + topP.length + " topP, " + minP.length + " minP, "
                    + uniform.length + " uniform");
        }
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(
                thread, SamplingCalls.sample(thread, logits.handle(), temperature, topK, topP, minP, uniform));
    }

    /**
     * One token per row of logits [n, V]. Each row's bias is added; then, for a token that is repeated, a positive
     * logit is divided by the repetition penalty and a negative one multiplied; then presence and frequency penalties
     * are subtracted; then tokens outside the mask are left out; then as {@link #sample}. Log probabilities are those
     * of the logits as given. A row's results depend on its own logits, parameters and random number alone.
     *
     * @param previous int32 [p], where rows find their newest token; null if no row has a {@code last}
     */
    public static Chosen choose(Array logits, SamplingRows rows, @Nullable Array previous) {
        OwnerThread thread = OwnerThread.current();
        int words = (logits.dim(-1) + 31) / 32;
        SamplingCalls.choose(thread, logits.handle(), rows, words, Array.handleOrNone(previous));
        long logprobs = thread.scratch.get(1);
        long topIds = thread.scratch.get(2);
        return new Chosen(
                Array.adopt(thread, thread.scratch.get(0)),
                logprobs == 0 ? null : Array.adopt(thread, logprobs),
                topIds == 0 ? null : Array.adopt(thread, topIds));
    }

    /** Computes the arrays and waits. */
    public static void eval(Array... arrays) {
        ArrayCalls.eval(OwnerThread.current(), arrays);
    }

    /** Sends the arrays' computation off; reading one waits for it. */
    public static void asyncEval(Array... arrays) {
        ArrayCalls.asyncEval(OwnerThread.current(), arrays);
    }

    /** Waits until everything sent to the default stream is done and let go of. */
    public static void synchronize() {
        LibraryCalls.synchronize(OwnerThread.current(), 0);
    }

    /** Where operations go that no {@link Stream} places. */
    public static void setDefaultDevice(Device device) {
        LibraryCalls.setDefaultDevice(OwnerThread.current(), device.code());
    }

    public static Memory memory() {
        OwnerThread thread = OwnerThread.current();
        LibraryCalls.memory(thread);
        return new Memory(thread.scratch.get(0), thread.scratch.get(1), thread.scratch.get(2));
    }

    /** The peak begins anew at what is active now. */
    public static void resetPeak() {
        LibraryCalls.resetPeak(OwnerThread.current());
    }

    /** Gives the system back what the allocator keeps of freed memory; waits for what runs. */
    public static void clearCache() {
        LibraryCalls.clearCache(OwnerThread.current());
    }

    /** Most bytes that the allocator keeps for reuse. */
    public static void cacheLimit(long bytes) {
        LibraryCalls.cacheLimit(OwnerThread.current(), bytes);
    }

    /**
     * How linear layers of quantised weights multiply on a CPU device. Exact, the default, is float32. Fast rounds each
     * row of x to 16-bit integers with a scale per group of the weight, to 1/65534 of the group's largest value, and
     * sums products as integers. Both give a row the same result whatever rows stand beside it.
     */
    public static void useFastCpuMath(boolean fast) {
        LinearCalls.useCpuMath(OwnerThread.current(), fast);
    }

    /** Whether this processor gains by it. */
    public static boolean hasFastCpuMath() {
        return LinearCalls.hasFastCpuMath(OwnerThread.current());
    }

    /**
     * Whether a row's result must depend on that row alone on a GPU too, however many rows a step has; on a CPU device
     * it always does.
     */
    public static void rowIndependent(boolean on) {
        LibraryCalls.rowIndependent(OwnerThread.current(), on);
    }

    /** Instruction set of the CPU primitives: avx512, avx2, neon or generic. */
    public static String cpuKernels() {
        return LibraryCalls.cpuKernels(OwnerThread.current());
    }

    /** Pins that choice, for tests and benchmarks; fails where this CPU lacks it. */
    public static void useCpuKernels(String name) {
        OwnerThread thread = OwnerThread.current();
        try (Arena arena = Arena.ofConfined()) {
            LibraryCalls.useCpuKernels(thread, arena.allocateFrom(name).address());
        }
    }

    /** Threads of the CPU primitives, 0 for all cores. */
    public static void cpuThreads(int threads) {
        LibraryCalls.cpuThreads(OwnerThread.current(), threads);
    }

    /** Takes MLX's own operations on a CPU device too, so that tests hold the two paths against each other. */
    static void portable(boolean on) {
        LibraryCalls.portable(OwnerThread.current(), on);
    }
}
