package io.vllmd.mlx;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Owns the arrays that operations make while it is the innermost open scope of the MLX thread, and frees
 * them together when it closes. Scopes nest, close in reverse order, and end within the piece of work that
 * opened them: work that leaves one open fails, because a neighbour's arrays would land in it.
 *
 * <p>An array made while no scope is open is detached: whoever holds it closes it.
 */
public final class Scope implements AutoCloseable {

    private final OwnerThread thread;
    private final @Nullable Scope parent;
    private @Nullable Array[] owned = new @Nullable Array[32];
    private int size;
    private boolean closed;

    private Scope(OwnerThread thread) {
        this.thread = thread;
        this.parent = thread.scope;
    }

    /** Opens a scope inside the innermost open one. */
    public static Scope open() {
        OwnerThread thread = OwnerThread.current();
        Scope scope = new Scope(thread);
        thread.scope = scope;
        return scope;
    }

    /**
     * Moves an array of this scope to the enclosing one, or detaches it where there is none; an array that
     * this scope does not own stays where it is.
     */
    public Array keep(Array array) {
        requireOpen();
        array.handle();
        if (array.scope == this) {
            remove(array);
            if (parent != null) {
                parent.add(array);
            }
        }
        return array;
    }

    /** Arrays owned at the moment. */
    int size() {
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (owned[i] != null) {
                n++;
            }
        }
        return n;
    }

    void add(Array array) {
        if (size == owned.length) {
            owned = Arrays.copyOf(owned, 2 * size);
        }
        owned[size] = array;
        array.scope = this;
        array.index = size++;
    }

    void remove(Array array) {
        owned[array.index] = null;
        array.scope = null;
    }

    /** Frees every array of this scope in one native call; a second close does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (OwnerThread.current() != thread || thread.scope != this) {
            throw new IllegalStateException("Scope closed out of order: an inner scope is still open on thread '"
                    + thread.getName() + "'; close scopes in reverse order of opening");
        }
        closed = true;
        thread.scope = parent;
        thread.scratch.reset(8L * size);
        long at = thread.scratch.handles(size);
        int n = 0;
        for (int i = 0; i < size; i++) {
            Array array = owned[i];
            if (array != null) {
                thread.scratch.handle(at, n++, array.release());
            }
        }
        owned = new @Nullable Array[0];
        if (n > 0) {
            ArrayCalls.free(thread, at, n);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("Scope is closed: its arrays are freed");
        }
        if (OwnerThread.current() != thread) {
            throw new IllegalStateException("Scope of thread '" + thread.getName() + "' used on thread '"
                    + Thread.currentThread().getName() + "'");
        }
    }
}
