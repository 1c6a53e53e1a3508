package io.vllmd.mlx;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * The one platform thread that owns MLX: MLX's streams are thread-local, so all of it is built, evaluated,
 * read and freed here, as pieces of work that other threads send. Pieces run one by one in the order sent.
 */
public final class MlxThread implements AutoCloseable {

    private final LinkedBlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
    private final OwnerThread thread;
    private final Object sending = new Object();
    private boolean closed;
    private boolean stopped;

    private MlxThread(String name) {
        this.thread = new OwnerThread(this::loop, name);
    }

    /**
     * Starts it; one lives at a time. Work passed to {@link #execute} that throws goes to the default
     * uncaught-exception handler, and the thread carries on.
     *
     * @throws NativeLibraryException if the MLX library is missing or another one
     * @throws IllegalStateException if one runs already
     */
    public static MlxThread start(String name) {
        NativeLibrary.load();
        MlxThread mlx = new MlxThread(name);
        mlx.thread.claim();
        mlx.thread.start();
        return mlx;
    }

    /** As {@link #start(String)}, with a handler for work passed to {@link #execute} that throws. */
    public static MlxThread start(String name, Thread.UncaughtExceptionHandler failures) {
        NativeLibrary.load();
        MlxThread mlx = new MlxThread(name);
        mlx.thread.setUncaughtExceptionHandler(failures);
        mlx.thread.claim();
        mlx.thread.start();
        return mlx;
    }

    /** Whether the calling thread is the MLX thread. */
    public static boolean isCurrent() {
        return OwnerThread.isCurrent();
    }

    /**
     * Runs the work after all that was sent before. A failure completes the future with the exception as
     * thrown, and the sender's stack as a suppressed {@link SentFrom}.
     */
    public <T extends @Nullable Object> CompletableFuture<T> submit(Callable<T> work) {
        CompletableFuture<T> future = new CompletableFuture<>();
        SentFrom sender = new SentFrom(Thread.currentThread());
        send(() -> {
            if (future.isDone()) {
                return; // cancelled while it waited
            }
            try {
                T result = run(work);
                future.complete(result);
            } catch (Throwable e) {
                e.addSuppressed(sender);
                future.completeExceptionally(e);
            }
        });
        return future;
    }

    /**
     * Runs the work and waits for it, whatever interrupts come; refused on the MLX thread itself, which would
     * wait for itself. Unchecked failures are thrown as they are, checked ones as the cause of an
     * {@link MlxException}.
     */
    public <T extends @Nullable Object> T call(Callable<T> work) {
        if (Thread.currentThread() == thread) {
            throw new IllegalStateException("call on MLX thread '" + thread.getName()
                    + "' itself would wait for itself: run the work directly, or submit it");
        }
        try {
            return submit(work).join();
        } catch (CompletionException e) {
            Throwable failure = e.getCause() == null ? e : e.getCause();
            if (failure instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            if (failure instanceof Error error) {
                throw error;
            }
            throw new MlxException("work on MLX thread '" + thread.getName() + "' failed: " + failure, failure);
        }
    }

    /** Runs the work after all that was sent before; also from the MLX thread, to take turns with others. */
    public void execute(Runnable work) {
        send(() -> {
            try {
                run(() -> {
                    work.run();
                    return null;
                });
            } catch (Throwable e) {
                thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
            }
        });
    }

    /**
     * Takes no more work, finishes what was sent, and waits for the thread to end. Refused on the MLX thread.
     */
    @Override
    public void close() {
        if (Thread.currentThread() == thread) {
            throw new IllegalStateException("MLX thread '" + thread.getName()
                    + "' can't close itself, it would wait for its own end: close it from another thread");
        }
        synchronized (sending) {
            if (!closed) {
                closed = true;
                queue.add(() -> stopped = true);
            }
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void send(Runnable piece) {
        synchronized (sending) {
            if (closed) {
                throw new IllegalStateException("MLX thread '" + thread.getName() + "' is closed and takes no work");
            }
            queue.add(piece);
        }
    }

    private void loop() {
        try {
            while (!stopped) {
                next().run();
            }
        } finally {
            thread.release();
        }
    }

    /** An interrupt is no way to end this thread, and nothing here waits on anybody's behalf. */
    private Runnable next() {
        Runnable piece = null;
        while (piece == null) {
            try {
                piece = queue.take();
            } catch (InterruptedException e) {
                piece = queue.poll();
            }
        }
        return piece;
    }

    /** Runs one piece; a scope left open would collect the arrays of whatever comes next, so it ends here. */
    private <T extends @Nullable Object> T run(Callable<T> work) throws Exception {
        T result;
        try {
            result = work.call();
        } catch (Throwable e) {
            closeScopes();
            throw e;
        }
        if (closeScopes()) {
            throw new IllegalStateException("work on MLX thread '" + thread.getName()
                    + "' ended with an open Scope: open it in a try-with-resources statement");
        }
        return result;
    }

    private boolean closeScopes() {
        boolean any = false;
        for (Scope open = thread.scope; open != null; open = thread.scope) {
            any = true;
            open.close();
        }
        return any;
    }

    /** Stack of the thread that sent a failed piece of work. */
    public static final class SentFrom extends Exception {
        private SentFrom(Thread sender) {
            super("work sent from thread '" + (sender.getName().isEmpty() ? sender.toString() : sender.getName())
                    + "'");
        }
    }
}
