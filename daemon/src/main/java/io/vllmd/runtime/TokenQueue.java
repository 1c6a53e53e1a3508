package io.vllmd.runtime;

import io.vllmd.config.Problem;
import io.vllmd.engine.TokenLogprobs;
import io.vllmd.engine.TokenSink;
import java.util.Arrays;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Hands one request's tokens from the MLX thread to the request's own thread. The writer never waits: the
 * queue holds at most the answer's max tokens, which is bounded by the context.
 */
final class TokenQueue implements TokenSink {
    private static final int[] NONE = new int[0];

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private int[] tokens = new int[64];
    private int count;
    private @Nullable Finish finish;
    private @Nullable Problem problem;

    @Override
    public void started(int cachedTokens) {}

    @Override
    public void token(int id, @Nullable TokenLogprobs logprobs) {
        lock.lock();
        try {
            if (count == tokens.length) {
                tokens = Arrays.copyOf(tokens, count * 2);
            }
            tokens[count++] = id;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void finished(Finish finish, @Nullable String detail) {
        lock.lock();
        try {
            this.finish = finish;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void failed(Problem problem) {
        lock.lock();
        try {
            this.problem = problem;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for what comes next.
     *
     * @return tokens, or none once the answer ended, see {@link #finish}
     * @throws io.vllmd.config.ProblemException where the engine failed on this request
     */
    int[] take() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (count == 0 && finish == null && problem == null) {
                changed.await();
            }
            if (count > 0) {
                int[] taken = Arrays.copyOf(tokens, count);
                count = 0;
                return taken;
            }
            if (problem != null) {
                throw problem.asException();
            }
            return NONE;
        } finally {
            lock.unlock();
        }
    }

    /** Why the answer ended; only after {@link #take} returned none. */
    Finish finish() {
        lock.lock();
        try {
            if (finish == null) {
                throw new IllegalStateException("the answer has not ended");
            }
            return finish;
        } finally {
            lock.unlock();
        }
    }
}
