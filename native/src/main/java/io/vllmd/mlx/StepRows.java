package io.vllmd.mlx;

/**
 * The rows of one step over {@link KvPages}: row i belongs to sequence {@code sequences[i]} and stands at position
 * {@code positions[i]}. Rows of one sequence are adjacent, their positions ascending by one. Shared by all layers of
 * the step, closed after the last of them.
 */
public final class StepRows implements AutoCloseable {

    private long handle;
    private final int rows;

    private StepRows(long handle, int rows) {
        this.handle = handle;
        this.rows = rows;
    }

    /**
     * Copies everything.
     *
     * @param sequences of each row, 0 … m-1
     * @param positions of each row
     * @param tables the pages of each sequence, {@code tables[j][p / 64]} holding position p; -1 = given back
     * @param first of each sequence: positions before it are not seen,
     * @param sinks except those below this one
     */
    public static StepRows of(int[] sequences, int[] positions, int[][] tables, int[] first, int[] sinks) {
        if (sequences.length != positions.length || tables.length != first.length || tables.length != sinks.length) {
            throw new IllegalArgumentException("a step has a sequence and a position a row, and a table, a first"
                    + " position and sinks a sequence, got " + sequences.length + ", " + positions.length + ", "
                    + tables.length + ", " + first.length + " and " + sinks.length);
        }
        OwnerThread thread = OwnerThread.current();
        return new StepRows(PageCalls.newStep(thread, sequences, positions, tables, first, sinks), sequences.length);
    }

    /** Number of rows. */
    public int rows() {
        return rows;
    }

    long handle() {
        if (handle == 0) {
            throw new IllegalStateException("StepRows of " + rows + " rows are closed");
        }
        return handle;
    }

    @Override
    public void close() {
        OwnerThread thread = OwnerThread.current();
        if (handle != 0) {
            long freed = handle;
            handle = 0;
            PageCalls.freeStep(thread, freed);
        }
    }
}
