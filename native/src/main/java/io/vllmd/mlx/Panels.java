package io.vllmd.mlx;

import java.lang.foreign.MemorySegment;

/**
 * The order in which a CPU device's linear layers read quantised weights best: for each 16 outputs, their packed words
 * side by side, and their scales and biases. The same bytes, so nothing is expanded.
 */
public final class Panels {

    /** VM_PANELS. */
    static final int FLAG = 256;

    private Panels() {}

    /**
     * Reorders a weight in place, before its arrays are first used. May be called on any thread.
     *
     * @param packed the packed matrix [rows, columns]
     * @param scaleType dtype of scales and biases
     * @return false, with nothing done, where the shape does not fit: rows must be a multiple of 16
     */
    public static boolean arrange(
            MemorySegment packed,
            MemorySegment scales,
            MemorySegment biases,
            int rows,
            int columns,
            int group,
            int bits,
            Dtype scaleType) {
        long cells = (long) rows * (columns / group) * scaleType.bytes();
        long bytes = (long) rows * columns * bits / 8;
        if (packed.byteSize() != bytes || scales.byteSize() != cells || biases.byteSize() != cells) {
            throw new IllegalArgumentException("memory of " + packed.byteSize() + ", " + scales.byteSize() + " and "
                    + biases.byteSize() + " bytes for a weight [" + rows + ", " + columns + "] of " + bits
                    + " bits in groups of " + group);
        }
        return LinearCalls.toPanels(
                packed.address(), scales.address(), biases.address(), rows, columns, group, bits, scaleType.code());
    }
}
