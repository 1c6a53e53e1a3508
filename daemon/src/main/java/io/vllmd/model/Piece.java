package io.vllmd.model;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Dtype;
import java.util.List;

/**
 * One array to be made from a file's tensors, stacked along the first axis in this order.
 *
 * @param dtype of the array; where it differs from the parts', their numbers are converted while being read
 * @param shape of the array
 */
record Piece(Dtype dtype, int[] shape, List<ModelFolder.Entry> parts) {

    static Piece of(ModelFolder.Entry entry) {
        return new Piece(entry.tensor().dtype(), entry.tensor().shape(), List.of(entry));
    }

    static Piece of(ModelFolder.Entry entry, Dtype dtype) {
        return new Piece(dtype, entry.tensor().shape(), List.of(entry));
    }

    /** The parts' rows in one array; dtypes and columns are the same in all. */
    static Piece stacked(List<ModelFolder.Entry> parts) {
        int[] shape = parts.getFirst().tensor().shape().clone();
        shape[0] = parts.stream().mapToInt(part -> part.tensor().shape()[0]).sum();
        return new Piece(parts.getFirst().tensor().dtype(), shape, parts);
    }

    String name() {
        return parts.getFirst().tensor().name();
    }
}
