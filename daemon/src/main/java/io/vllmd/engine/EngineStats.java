package io.vllmd.engine;

/**
 * What one lane, or all of them together, did since they were attached.
 *
 * @param running requests that have a place in the batch
 * @param queued requests that wait for one
 * @param steps forward passes
 * @param tokens answer tokens handed out
 * @param prefillTokens prompt tokens read
 * @param cachedTokens prompt tokens that needed not be read, since the prefix cache had them
 * @param preemptions times that a request lost its memory to a more urgent one, and went on later
 * @param guessed tokens that were guessed ahead
 * @param guessedRight those of them that were right
 * @param hostNanos time on the MLX thread outside evaluation, all steps together: planning, building, handing out
 * @param encodeNanos time that MLX took to accept steps for evaluation; on a CPU device it blocks there while it has
 *     enough queued, so that most of this is waiting too
 * @param waitNanos time spent waiting for results, all steps together
 * @param lastHostNanos the same of the newest step
 * @param lastWaitNanos the same of the newest step
 * @param kvBytes bytes of keys and values, cached prefixes included
 * @param kvEvictableBytes bytes of cached prefixes that nobody runs on
 */
public record EngineStats(
        int running,
        int queued,
        long steps,
        long tokens,
        long prefillTokens,
        long cachedTokens,
        long preemptions,
        long guessed,
        long guessedRight,
        long hostNanos,
        long encodeNanos,
        long waitNanos,
        long lastHostNanos,
        long lastWaitNanos,
        long kvBytes,
        long kvEvictableBytes) {

    static final EngineStats NONE = new EngineStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    EngineStats withKv(long bytes, long evictable) {
        return new EngineStats(
                running,
                queued,
                steps,
                tokens,
                prefillTokens,
                cachedTokens,
                preemptions,
                guessed,
                guessedRight,
                hostNanos,
                encodeNanos,
                waitNanos,
                lastHostNanos,
                lastWaitNanos,
                bytes,
                evictable);
    }

    /** Sums; of the last step's times the larger. */
    EngineStats plus(EngineStats other) {
        return new EngineStats(
                running + other.running,
                queued + other.queued,
                steps + other.steps,
                tokens + other.tokens,
                prefillTokens + other.prefillTokens,
                cachedTokens + other.cachedTokens,
                preemptions + other.preemptions,
                guessed + other.guessed,
                guessedRight + other.guessedRight,
                hostNanos + other.hostNanos,
                encodeNanos + other.encodeNanos,
                waitNanos + other.waitNanos,
                Math.max(lastHostNanos, other.lastHostNanos),
                Math.max(lastWaitNanos, other.lastWaitNanos),
                kvBytes + other.kvBytes,
                kvEvictableBytes + other.kvEvictableBytes);
    }
}
