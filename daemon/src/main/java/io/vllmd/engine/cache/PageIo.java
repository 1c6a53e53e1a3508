package io.vllmd.engine.cache;

import java.lang.foreign.MemorySegment;

/** The memory behind page ids. All methods are called on the MLX thread. */
public interface PageIo {

    /** Bytes of one page in all layers of all groups. */
    long pageBytes();

    /**
     * Copies a page out, once the steps that write it have run.
     *
     * @param groupPages its id in every group; a group with −1 is passed over, its bytes stay as they are
     * @param to {@link #pageBytes} bytes of native memory
     */
    void read(int[] groupPages, MemorySegment to);

    /**
     * Copies a page in.
     *
     * @param groupPages where to, in every group; a group with −1 is passed over
     * @param from {@link #pageBytes} bytes of native memory
     */
    void write(int[] groupPages, MemorySegment from);

    /**
     * A page to write to, with one reference, dropping cached ones where memory is short.
     *
     * @return −1 where there is none to be had
     */
    int take(int group);
}
