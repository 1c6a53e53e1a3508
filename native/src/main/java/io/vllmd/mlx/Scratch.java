package io.vllmd.mlx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The native memory through which one thread's calls pass their small arrays and receive their results,
 * so that a call allocates nothing. Laid out as three out-slots of 8 bytes, room for one array's
 * description, then the arguments of the call being made, placed after {@link #reset}.
 *
 * <p>Pointers cross as {@code long}: a MemorySegment slice per argument would be an allocation, and the
 * segment itself is reachable through its thread as long as a call can run.
 */
final class Scratch {

    private static final int DTYPE = 24;
    private static final int NDIM = 28;
    private static final int NBYTES = 32;
    private static final int SHAPE = 40;
    private static final int ARGUMENTS = 128;
    private static final int INITIAL = 1 << 14;

    private MemorySegment memory = allocate(INITIAL);
    private long base = memory.address();
    private long next = ARGUMENTS;

    /** Begins a call whose arrays together need at most this many bytes, each rounded up to 8. */
    void reset(long bytes) {
        next = ARGUMENTS;
        if (ARGUMENTS + bytes > memory.byteSize()) {
            memory = allocate(Math.max(ARGUMENTS + bytes, 2 * memory.byteSize()));
            base = memory.address();
        }
    }

    /** Bytes that {@code n} elements of 4 bytes take here. */
    static long words(long n) {
        return (4 * n + 7) & ~7L;
    }

    long ints(int[] values) {
        return ints(values, values.length);
    }

    /** The first {@code n} elements. */
    long ints(int[] values, int n) {
        long at = take(words(n));
        MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_INT, at, n);
        return base + at;
    }

    /** The {@code n} elements of all parts together, one part after the other. */
    long ints(int[][] parts, int n) {
        return ints(parts, parts.length, n);
    }

    /** The {@code n} elements of the first {@code count} parts together, one part after the other. */
    long ints(int[][] parts, int count, int n) {
        long at = take(words(n));
        long end = at;
        for (int i = 0; i < count; i++) {
            int[] part = parts[i];
            MemorySegment.copy(part, 0, memory, ValueLayout.JAVA_INT, end, part.length);
            end += 4L * part.length;
        }
        return base + at;
    }

    long floats(float[] values) {
        return floats(values, values.length);
    }

    /** The first {@code n} elements. */
    long floats(float[] values, int n) {
        long at = take(words(n));
        MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, at, n);
        return base + at;
    }

    /** Room for {@code n} handles, filled with {@link #handle}; the answer is its offset. */
    long handles(int n) {
        return take(8L * n);
    }

    void handle(long offset, int i, long handle) {
        memory.set(ValueLayout.JAVA_LONG, offset + 8L * i, handle);
    }

    long address(long offset) {
        return base + offset;
    }

    private long take(long bytes) {
        long at = next;
        next += bytes;
        return at;
    }

    long out(int slot) {
        return base + 8L * slot;
    }

    long get(int slot) {
        return memory.get(ValueLayout.JAVA_LONG, 8L * slot);
    }

    int getInt(int slot) {
        return memory.get(ValueLayout.JAVA_INT, 8L * slot);
    }

    void set(int slot, long value) {
        memory.set(ValueLayout.JAVA_LONG, 8L * slot, value);
    }

    long dtypeOut() {
        return base + DTYPE;
    }

    long ndimOut() {
        return base + NDIM;
    }

    long nbytesOut() {
        return base + NBYTES;
    }

    long shapeOut() {
        return base + SHAPE;
    }

    int dtype() {
        return memory.get(ValueLayout.JAVA_INT, DTYPE);
    }

    long nbytes() {
        return memory.get(ValueLayout.JAVA_LONG, NBYTES);
    }

    int[] shape() {
        int[] shape = new int[memory.get(ValueLayout.JAVA_INT, NDIM)];
        MemorySegment.copy(memory, ValueLayout.JAVA_INT, SHAPE, shape, 0, shape.length);
        return shape;
    }

    private static MemorySegment allocate(long bytes) {
        return Arena.ofAuto().allocate(bytes, 64);
    }
}
