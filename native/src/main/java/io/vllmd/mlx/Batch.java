package io.vllmd.mlx;

/**
 * The rows of one step: row i belongs to slot {@code slots[i]} of the KV arenas, stands at position
 * {@code positions[i]} and attends to positions 0 … positions[i] of its slot. Rows of one slot are adjacent,
 * their positions ascending by one. Shared by all layers of the step, closed after the last of them.
 */
public final class Batch implements AutoCloseable {

    private long handle;
    private final int rows;

    private Batch(long handle, int rows) {
        this.handle = handle;
        this.rows = rows;
    }

    /** Copies both arrays; they are of one length. */
    public static Batch of(int[] slots, int[] positions) {
        if (slots.length != positions.length) {
            throw new IllegalArgumentException(
                    "a batch has one slot and one position a row, got " + slots.length + " and " + positions.length);
        }
        return new Batch(EngineCalls.newBatch(OwnerThread.current(), slots, positions), slots.length);
    }

    /** Number of rows. */
    public int rows() {
        return rows;
    }

    long handle() {
        if (handle == 0) {
            throw new IllegalStateException("Batch of " + rows + " rows is closed");
        }
        return handle;
    }

    @Override
    public void close() {
        OwnerThread thread = OwnerThread.current();
        if (handle != 0) {
            long freed = handle;
            handle = 0;
            EngineCalls.freeBatch(thread, freed);
        }
    }
}
