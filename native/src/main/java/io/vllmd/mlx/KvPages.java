package io.vllmd.mlx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Keys and values of one attention layer in pages of {@value #PAGE} positions, written in place and never copied to
 * grow. A page is a number; what sequence it belongs to is known to the caller alone. On a CPU device address space for
 * all pages is reserved and memory appears with the first write. Owned by no scope: whoever allocates it closes it,
 * and may do so while work that uses it is under way.
 */
public final class KvPages implements AutoCloseable {

    /** Positions of a page. */
    public static final int PAGE = 64;

    private long handle;
    private final int most;
    private final int kvHeads;
    private final int headDim;
    private final long pageBytes;
    private int pages;

    private KvPages(long handle, int pages, int most, int kvHeads, int headDim, long pageBytes) {
        this.handle = handle;
        this.pages = pages;
        this.most = most;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        this.pageBytes = pageBytes;
    }

    /**
     * @param pages how many there are at first; their contents are undefined
     * @param most how many it can ever grow to
     * @param dtype of the values; float32 on a CPU device
     * @param bits 0 for values of {@code dtype}; 8 or 4 to keep them affine-quantised per 32 values along headDim
     */
    public static KvPages allocate(int pages, int most, int kvHeads, int headDim, Dtype dtype, int bits) {
        OwnerThread thread = OwnerThread.current();
        long made = PageCalls.allocate(thread, pages, most, kvHeads, headDim, dtype.code(), bits);
        return new KvPages(made, pages, most, kvHeads, headDim, PageCalls.pageBytes(thread, made));
    }

    /** To {@code pages} in all; contents are kept. Costs nothing on a CPU device. */
    public void grow(int pages) {
        PageCalls.grow(OwnerThread.current(), handle(), pages);
        this.pages = pages;
    }

    public int pages() {
        return pages;
    }

    /** How many pages it can grow to. */
    public int most() {
        return most;
    }

    public int kvHeads() {
        return kvHeads;
    }

    public int headDim() {
        return headDim;
    }

    /** Bytes of one page of a layer of this geometry, before there is one; with bits a float16 scale and bias per 32. */
    public static long bytesOfPage(int kvHeads, int headDim, Dtype dtype, int bits) {
        long values = 2L * kvHeads * PAGE * headDim;
        return bits == 0 ? values * dtype.bytes() : values * bits / 8 + values / 32 * 2 * Short.BYTES;
    }

    /** Bytes of one page of this layer: keys, values and scales. */
    public long pageBytes() {
        return pageBytes;
    }

    /**
     * On a CPU device, gives the memory of these pages back to the system once the work sent so far has run; their
     * contents are lost. Elsewhere nothing happens.
     */
    public void trim(int[] pages) {
        PageCalls.trim(OwnerThread.current(), handle(), pages);
    }

    /**
     * Copies a page out, in a layout that is the same on every device. Waits for the work sent so far.
     *
     * @param to {@link #pageBytes} bytes, on or off the heap
     */
    public void read(int page, MemorySegment to) {
        requirePage(to);
        OwnerThread thread = OwnerThread.current();
        if (to.isNative()) {
            PageCalls.read(thread, handle(), page, to.address());
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(pageBytes);
            PageCalls.read(thread, handle(), page, memory.address());
            to.copyFrom(memory);
        }
    }

    /** Copies a page in that {@link #read} gave. Waits for the work sent so far. */
    public void write(int page, MemorySegment from) {
        requirePage(from);
        OwnerThread thread = OwnerThread.current();
        if (from.isNative()) {
            PageCalls.write(thread, handle(), page, from.address());
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(pageBytes).copyFrom(from);
            PageCalls.write(thread, handle(), page, memory.address());
        }
    }

    /**
     * Copies the first {@code counts[i]} positions of page {@code from[i]} to page {@code to[i]} in every layer, one
     * after the other, in stream order.
     *
     * @param tokens int32 [p]
     * @return the same values: the array to use instead of {@code tokens}; what is built from it sees the copies
     */
    public static Array copy(Array tokens, KvPages[] layers, int[] to, int[] from, int[] counts) {
        if (to.length != from.length || to.length != counts.length) {
            throw new IllegalArgumentException("a copy has a target, a source and a count, got " + to.length + ", "
                    + from.length + " and " + counts.length);
        }
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, PageCalls.copy(thread, tokens.handle(), layers, to, from, counts));
    }

    private void requirePage(MemorySegment memory) {
        if (memory.byteSize() != pageBytes) {
            throw new IllegalArgumentException(
                    "a page takes " + pageBytes + " bytes, the memory given has " + memory.byteSize());
        }
    }

    long handle() {
        if (handle == 0) {
            throw new IllegalStateException("KvPages of " + kvHeads + " kv heads of " + headDim + " are closed");
        }
        return handle;
    }

    @Override
    public void close() {
        OwnerThread thread = OwnerThread.current();
        if (handle != 0) {
            long freed = handle;
            handle = 0;
            PageCalls.free(thread, freed);
        }
    }
}
