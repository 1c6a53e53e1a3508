package io.vllmd.engine;

/** What a lane did, and where the time of its turns went. */
final class LaneCounts {
    private final KvCache cache;
    private final Admission admission;
    private final Guesses guesses;

    private long steps;
    private long tokens;
    private long promptTokens;
    private long guessed;
    private long guessedRight;
    private long hostNanos;
    private long encodeNanos;
    private long waitNanos;

    private long turnBegan;
    private long encodedInTurn;
    private long waitedInTurn;
    private volatile EngineStats stats = EngineStats.NONE;

    LaneCounts(KvCache cache, Admission admission, Guesses guesses) {
        this.cache = cache;
        this.admission = admission;
        this.guesses = guesses;
    }

    /** From any thread. */
    EngineStats stats() {
        // Another lane may have taken pages of this one since its last turn.
        return stats.withKv(kvBytes(), kvEvictableBytes());
    }

    private long kvBytes() {
        return cache.nbytes() + guesses.kvBytes();
    }

    private long kvEvictableBytes() {
        return cache.evictableBytes() + guesses.kvEvictableBytes();
    }

    void beginTurn() {
        turnBegan = System.nanoTime();
        encodedInTurn = 0;
        waitedInTurn = 0;
    }

    void submitted(Step step) {
        steps++;
        encodedInTurn += step.encoding();
    }

    void waited(long nanos) {
        waitedInTurn += nanos;
    }

    void finished(Step step) {
        promptTokens += step.promptTokens();
    }

    void tookTokens(int count) {
        tokens += count;
    }

    void verified(int guesses, int right) {
        guessed += guesses;
        guessedRight += right;
    }

    /**
     * Ends a turn.
     *
     * @param worked whether it submitted or read a step
     * @return nanoseconds that it spent beside encoding and waiting
     */
    long endTurn(int running, int waiting, boolean worked) {
        long host = Math.max(0, System.nanoTime() - turnBegan - encodedInTurn - waitedInTurn);
        EngineStats last = stats;
        if (worked) {
            hostNanos += host;
            encodeNanos += encodedInTurn;
            waitNanos += waitedInTurn;
        }
        stats = new EngineStats(
                running,
                waiting,
                steps,
                tokens,
                promptTokens,
                admission.cachedTokens(),
                admission.preemptions(),
                guessed,
                guessedRight,
                hostNanos,
                encodeNanos,
                waitNanos,
                worked ? host : last.lastHostNanos(),
                worked ? waitedInTurn : last.lastWaitNanos(),
                kvBytes(),
                kvEvictableBytes());
        return host;
    }
}
