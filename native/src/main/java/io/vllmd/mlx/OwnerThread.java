package io.vllmd.mlx;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The one thread that may call MLX, and what its calls need at hand: plain fields of the thread object,
 * so that finding them costs a type check, not a map look-up.
 */
final class OwnerThread extends Thread {

    /** Deep graphs make MLX recurse; pages of a stack are only taken when they are touched. */
    private static final long STACK_BYTES = 16 << 20;

    /** MLX's streams are thread-local and its calls unsynchronised, so at most one owner lives at a time. */
    private static final AtomicReference<@Nullable OwnerThread> LIVING = new AtomicReference<>();

    final Scratch scratch = new Scratch();

    /** Innermost open scope. */
    @Nullable
    Scope scope;

    /** Handle of the stream for new operations, 0 for the default one. */
    long stream;

    OwnerThread(Runnable loop, String name) {
        super(null, loop, name, STACK_BYTES);
        setDaemon(true);
    }

    /** Takes the place of the one owner. */
    void claim() {
        OwnerThread other = LIVING.compareAndExchange(null, this);
        if (other != null) {
            throw new IllegalStateException("MLX already belongs to thread '" + other.getName()
                    + "': close it before another one is started as '" + getName() + "'");
        }
    }

    void release() {
        LIVING.compareAndSet(this, null);
    }

    static boolean isCurrent() {
        return Thread.currentThread() instanceof OwnerThread;
    }

    static OwnerThread current() {
        if (Thread.currentThread() instanceof OwnerThread owner) {
            return owner;
        }
        throw wrongThread();
    }

    private static IllegalStateException wrongThread() {
        OwnerThread owner = LIVING.get();
        String who = Thread.currentThread().getName();
        return new IllegalStateException("MLX called on thread '"
                + (who.isEmpty() ? Thread.currentThread().toString() : who) + "', but "
                + (owner == null
                        ? "no MLX thread runs: start one with MlxThread.start"
                        : "it belongs to thread '" + owner.getName() + "': submit the work to that MlxThread"));
    }
}
