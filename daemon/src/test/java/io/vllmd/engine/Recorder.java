package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A sink that remembers what it was told, and whether it was told so in the order promised. */
class Recorder implements TokenSink {
    /** Long after anything that works: a test that hangs ends here, no test is decided by it. */
    private static final long HANG_SECONDS = 120;

    final List<Integer> tokens = new CopyOnWriteArrayList<>();
    final List<String> violations = new CopyOnWriteArrayList<>();
    private final CompletableFuture<Finish> end = new CompletableFuture<>();
    private final CompletableFuture<Void> begun = new CompletableFuture<>();
    volatile int cached = -1;
    volatile @Nullable String detail;
    private final IntConsumer onToken;

    Recorder() {
        this(count -> {});
    }

    /** @param onToken called with the number of tokens so far, on the MLX thread */
    Recorder(IntConsumer onToken) {
        this.onToken = onToken;
    }

    @Override
    public void started(int cachedTokens) {
        cached = cachedTokens;
        if (!begun.complete(null)) {
            violations.add("started twice");
        }
        notAfterEnd("started");
    }

    @Override
    public void token(int id, @Nullable TokenLogprobs logprobs) {
        if (!begun.isDone()) {
            violations.add("token before started");
        }
        notAfterEnd("token");
        tokens.add(id);
        onToken.accept(tokens.size());
    }

    @Override
    public void finished(Finish finish, @Nullable String reason) {
        detail = reason;
        notAfterEnd("finished");
        end.complete(finish);
    }

    @Override
    public void failed(Problem problem) {
        notAfterEnd("failed");
        end.completeExceptionally(problem.asException());
    }

    private void notAfterEnd(String call) {
        if (end.isDone()) {
            violations.add(call + " after the end");
        }
    }

    boolean ended() {
        return end.isDone();
    }

    void awaitStart() {
        await(begun);
    }

    Finish await() {
        return await(end);
    }

    /** Waits for a failure. */
    Problem awaitProblem() {
        try {
            Finish finish = await(end);
            throw new AssertionError("finished " + finish + " instead of failing");
        } catch (ProblemException e) {
            return e.problem();
        }
    }

    private static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(HANG_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ProblemException problem) {
                throw problem;
            }
            throw new AssertionError(e.getCause());
        } catch (InterruptedException | TimeoutException e) {
            throw new AssertionError("the engine hangs", e);
        }
    }
}
