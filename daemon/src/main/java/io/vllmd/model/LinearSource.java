package io.vllmd.model;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Dtype;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where a linear layer's [rows, columns] weight lies in the files: one tensor, or packed integers with scales and
 * biases.
 */
record LinearSource(
        WeightFormat format,
        List<ModelFolder.Entry> weight,
        List<ModelFolder.Entry> scales,
        List<ModelFolder.Entry> biases) {
    static final Set<Dtype> FLOATS = EnumSet.of(Dtype.FLOAT16, Dtype.FLOAT32, Dtype.BFLOAT16);

    /** Finds and checks the tensors of the layer at this path. */
    static LinearSource find(Tensors tensors, Quantization quantization, String path, int rows, int columns) {
        String weightName = path + ".weight";
        String scalesName = path + ".scales";
        if (!tensors.has(scalesName)) {
            Quantization.@Nullable Rule demanded = quantization.demanded(path);
            if (demanded != null) {
                throw tensors.missing(scalesName, rows, columns / demanded.group());
            }
            ModelFolder.Entry weight = tensors.take(weightName, FLOATS, rows, columns);
            return new LinearSource(
                    new WeightFormat.Dense(weight.tensor().dtype()), List.of(weight), List.of(), List.of());
        }
        ModelFolder.Entry scales = tensors.takeAny(scalesName, rows, columns);
        if (!quantization.allows(path)) {
            throw Tensors.invalid(
                    scales, "quantises a layer that config.json does not: it has no \"quantization\" for " + path);
        }
        WeightFormat.Affine format = affine(tensors, quantization.demanded(path), path, scales, rows, columns);
        return new LinearSource(
                format,
                List.of(tensors.take(weightName, Set.of(Dtype.UINT32), rows, columns / 32 * format.bits())),
                List.of(tensors.take(scalesName, FLOATS, rows, columns / format.group())),
                List.of(tensors.take(path + ".biases", Set.of(format.scaleDtype()), rows, columns / format.group())));
    }

    /** Outputs of the layer. */
    int rows() {
        return weight.stream().mapToInt(entry -> entry.tensor().shape()[0]).sum();
    }

    /** Bytes to read from the files. */
    long fileBytes() {
        return Stream.of(weight, scales, biases)
                .flatMap(List::stream)
                .mapToLong(entry -> entry.tensor().nbytes())
                .sum();
    }

    private static WeightFormat.Affine affine(
            Tensors tensors,
            Quantization.@Nullable Rule demanded,
            String path,
            ModelFolder.Entry scales,
            int rows,
            int columns) {
        ModelFolder.Entry weight = tensors.takeAny(path + ".weight", rows, columns / 8);
        int group = columns / lastDimension(scales);
        int bits = (int) (32L * lastDimension(weight) / columns);
        boolean exact = group > 0 && columns % group == 0 && 32L * lastDimension(weight) == (long) bits * columns;
        if (!exact || !Quantization.isSupported(group, bits)) {
            throw Tensors.invalid(
                    weight,
                    "has " + lastDimension(weight) + " packed columns and " + lastDimension(scales)
                            + " scales a row for " + columns
                            + " columns: that is no packing in 4 or 8 bits with groups of 32, 64 or 128");
        }
        if (demanded != null && (demanded.group() != group || demanded.bits() != bits)) {
            throw Tensors.invalid(
                    weight,
                    "is packed in " + bits + " bits with groups of " + group + "; config.json says " + demanded.bits()
                            + " bits with groups of " + demanded.group());
        }
        return new WeightFormat.Affine(group, bits, scales.tensor().dtype());
    }

    private static int lastDimension(ModelFolder.Entry entry) {
        int[] shape = entry.tensor().shape();
        if (shape.length != 2 || shape[1] == 0) {
            throw Tensors.invalid(entry, "has shape " + Arrays.toString(shape) + "; two dimensions are expected");
        }
        return shape[1];
    }

    /**
     * One layer whose output is the concatenation of these layers' outputs, where they are stored alike: the same
     * sums over the same numbers, in one product instead of several. Otherwise the layers as they are.
     */
    static List<LinearSource> folded(LinearSource... layers) {
        List<ModelFolder.Entry> weight = new ArrayList<>();
        List<ModelFolder.Entry> scales = new ArrayList<>();
        List<ModelFolder.Entry> biases = new ArrayList<>();
        for (LinearSource layer : layers) {
            if (!layer.format.equals(layers[0].format)) {
                return List.of(layers);
            }
            weight.addAll(layer.weight);
            scales.addAll(layer.scales);
            biases.addAll(layer.biases);
        }
        return List.of(new LinearSource(layers[0].format, weight, scales, biases));
    }
}
