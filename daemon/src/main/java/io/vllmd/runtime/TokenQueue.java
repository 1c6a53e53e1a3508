package io.vllmd.runtime;

import io.vllmd.config.Problem;
import io.vllmd.engine.TokenLogprobs;
import io.vllmd.engine.TokenSink;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Future;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Hands one request's tokens from the MLX thread to the request's own thread. The writer never waits: the
 * queue holds at most the answer's max tokens, which is bounded by the context.
 *
 * <p>From the request's admission on, the engine must give a sign of life within the stall timeout: a token, or progress
 * with the prompt. While the request waits for a place, or waits again because a more urgent one took it, it may take as
 * long as the queue is.
 */
final class TokenQueue implements TokenSink {
    private static final TokenLogprobs[] NO_LOGPROBS = new TokenLogprobs[0];
    private static final long FOREVER = Long.MAX_VALUE / 2;

    /**
     * Tokens that came, in order; none where the answer ended.
     *
     * @param logprobs one for each token, or of length 0 where none of them has any
     */
    record Batch(int[] ids, @Nullable TokenLogprobs[] logprobs) {
        private static final Batch END = new Batch(new int[0], NO_LOGPROBS);

        boolean isEnd() {
            return ids.length == 0;
        }

        @Nullable
        TokenLogprobs logprobs(int i) {
            return logprobs.length == 0 ? null : logprobs[i];
        }
    }

    /**
     * Why the answer ended.
     *
     * @param detail the guide's reason where it did, else null
     */
    record End(Finish finish, @Nullable String detail) {}

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final @Nullable Duration stallTimeout;
    private final LongSupplier clock;

    private int[] tokens = new int[64];
    private @Nullable TokenLogprobs[] logprobs = NO_LOGPROBS;
    private int count;
    private int cachedTokens;
    private boolean admitted;
    private long heardAt;
    private @Nullable End end;
    private @Nullable Problem problem;
    private @Nullable Future<?> watch;

    /** @param stallTimeout longest silence of the engine after admission, null for no bound */
    TokenQueue(@Nullable Duration stallTimeout) {
        this(stallTimeout, System::nanoTime);
    }

    /** @param clock nanoseconds */
    TokenQueue(@Nullable Duration stallTimeout, LongSupplier clock) {
        this.stallTimeout = stallTimeout;
        this.clock = clock;
    }

    @Override
    public void started(int cached) {
        lock.lock();
        try {
            cachedTokens = cached;
            heard();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void read(int promptTokens) {
        lock.lock();
        try {
            heard();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void preempted() {
        lock.lock();
        try {
            admitted = false;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void token(int id, @Nullable TokenLogprobs itsLogprobs) {
        lock.lock();
        try {
            if (count == tokens.length) {
                tokens = Arrays.copyOf(tokens, count * 2);
            }
            if (itsLogprobs != null) {
                if (logprobs.length < tokens.length) {
                    logprobs = Arrays.copyOf(logprobs, tokens.length);
                }
                logprobs[count] = itsLogprobs;
            }
            tokens[count++] = id;
            heard();
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void finished(Finish finish, @Nullable String detail) {
        lock.lock();
        try {
            end = new End(finish, detail);
            stopWatch();
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void failed(Problem failure) {
        lock.lock();
        try {
            problem = failure;
            stopWatch();
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    private void heard() {
        if (stallTimeout == null) {
            return;
        }
        heardAt = clock.getAsLong();
        admitted = true;
    }

    /**
     * Waits for what comes next.
     *
     * @return tokens, or {@link Batch#isEnd} once the answer ended, see {@link #end}
     * @throws io.vllmd.config.ProblemException where the engine failed on this request; UNAVAILABLE where it stalled
     */
    Batch take() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (count == 0 && end == null && problem == null) {
                if (timeLeft() <= 0) {
                    stopWatch();
                    throw stalled();
                }
                if (watch == null && stallTimeout != null) {
                    watch = StallWatch.after(stallTimeout, this::look);
                }
                changed.await();
            }
            if (count > 0) {
                return takeAll();
            }
            if (problem != null) {
                throw problem.asException();
            }
            return Batch.END;
        } finally {
            lock.unlock();
        }
    }

    /** Wakes the reader of a request that stalled; else looks again when it could have. */
    private void look() {
        lock.lock();
        try {
            if (end != null || problem != null || stallTimeout == null) {
                return;
            }
            long left = timeLeft();
            if (left <= 0) {
                changed.signal();
            } else {
                watch = StallWatch.after(admitted ? Duration.ofNanos(left) : stallTimeout, this::look);
            }
        } finally {
            lock.unlock();
        }
    }

    private void stopWatch() {
        if (watch != null) {
            watch.cancel(false);
        }
    }

    private long timeLeft() {
        return stallTimeout == null || !admitted ? FOREVER : stallTimeout.toNanos() - (clock.getAsLong() - heardAt);
    }

    private RuntimeException stalled() {
        String limit = stallTimeout == null ? "" : stallTimeout.toSeconds() + " s";
        return Problem.of(
                        Problem.Kind.UNAVAILABLE,
                        "The model did nothing on this request for " + limit
                                + " (engine.stall-timeout), so it was given up. Try again; if it happens again, look into"
                                + " the daemon's log.",
                        "engine.stall-timeout",
                        limit)
                .asException();
    }

    private Batch takeAll() {
        @Nullable TokenLogprobs[] taken = NO_LOGPROBS;
        if (logprobs.length > 0) {
            taken = Arrays.copyOf(logprobs, count);
            Arrays.fill(logprobs, 0, Math.min(count, logprobs.length), null);
        }
        int[] ids = Arrays.copyOf(tokens, count);
        count = 0;
        return new Batch(ids, taken);
    }

    /** Prompt tokens that were in the prefix cache; 0 until the request was admitted. */
    int cachedTokens() {
        lock.lock();
        try {
            return cachedTokens;
        } finally {
            lock.unlock();
        }
    }

    /** Why the answer ended; only after {@link #take} told its end. */
    End end() {
        lock.lock();
        try {
            if (end == null) {
                throw new IllegalStateException("the answer has not ended");
            }
            return end;
        } finally {
            lock.unlock();
        }
    }
}
