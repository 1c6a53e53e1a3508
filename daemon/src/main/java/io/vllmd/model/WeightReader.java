package io.vllmd.model;

import io.vllmd.config.Problem;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Array;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.MlxException;
import io.vllmd.mlx.MlxThread;
import io.vllmd.mlx.Panels;
import io.vllmd.mlx.Weight;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes arrays from files. The MLX thread only allocates, one array a job, so that a running stream goes on
 * between the jobs; the bytes are read on the calling thread straight into the arrays' memory. It owns what it
 * made until {@link #release}.
 */
final class WeightReader {
    private final MlxThread mlx;
    private final Device device;
    private final @Nullable Dtype half;
    private final long totalBytes;
    private final ModelLoader.Progress progress;
    private List<Array> made = new ArrayList<>();
    private long readBytes;
    private long memoryBytes;

    /**
     * Of {@code totalBytes} to come, reported as a fraction.
     *
     * @param half what bfloat16 becomes on a GPU that cannot compute in it, or null where it can
     */
    WeightReader(MlxThread mlx, Device device, @Nullable Dtype half, long totalBytes, ModelLoader.Progress progress) {
        this.mlx = mlx;
        this.device = device;
        this.half = device == Device.GPU ? half : null;
        this.totalBytes = totalBytes;
        this.progress = progress;
    }

    /** Norm weights: float32 on a CPU device, whose activations are; elsewhere the file's dtype. */
    Array norm(ModelFolder.Entry entry) throws InterruptedException {
        return read(device == Device.CPU ? Piece.of(entry, Dtype.FLOAT32) : onGpu(Piece.of(entry)));
    }

    @Nullable
    Array normOrNull(ModelFolder.@Nullable Entry entry) throws InterruptedException {
        return entry == null ? null : norm(entry);
    }

    /** In the type that the device computes in. */
    private Piece onGpu(Piece piece) {
        return half != null && piece.dtype() == Dtype.BFLOAT16 ? new Piece(half, piece.shape(), piece.parts()) : piece;
    }

    /**
     * A weight as the file has it: packed integers stay packed, scales and biases keep their dtype. On a CPU device they
     * are put in the order that it reads best.
     */
    Weight weight(LinearSource source) throws InterruptedException {
        Piece packed = onGpu(Piece.stacked(source.weight()));
        Array.Allocation weight = fill(packed);
        return switch (source.format()) {
            case WeightFormat.Dense dense -> new Weight.Dense(weight.array(), null);
            case WeightFormat.Affine affine -> affine(packed, weight, source, affine);
        };
    }

    private Weight.Affine affine(Piece packed, Array.Allocation weight, LinearSource source, WeightFormat.Affine format)
            throws InterruptedException {
        Array.Allocation scales = fill(onGpu(Piece.stacked(source.scales())));
        Array.Allocation biases = fill(onGpu(Piece.stacked(source.biases())));
        int rows = packed.shape()[0];
        int columns = packed.shape()[1] * (Integer.SIZE / format.bits());
        boolean panels = device == Device.CPU
                && Panels.arrange(
                        weight.memory(),
                        scales.memory(),
                        biases.memory(),
                        rows,
                        columns,
                        format.group(),
                        format.bits(),
                        format.scaleDtype());
        return new Weight.Affine(
                weight.array(), scales.array(), biases.array(), format.group(), format.bits(), null, panels);
    }

    Projection projection(List<LinearSource> sources) throws InterruptedException {
        List<Weight> parts = new ArrayList<>();
        for (LinearSource source : sources) {
            parts.add(weight(source));
        }
        return new Projection(List.copyOf(parts));
    }

    private Array read(Piece piece) throws InterruptedException {
        return fill(piece).array();
    }

    private Array.Allocation fill(Piece piece) throws InterruptedException {
        Array.Allocation allocation = allocate(piece);
        long offset = 0;
        for (ModelFolder.Entry part : piece.parts()) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            long bytes = elements(part.tensor().shape()) * piece.dtype().bytes();
            fill(part, piece.dtype(), allocation.memory().asSlice(offset, bytes));
            offset += bytes;
            readBytes += part.tensor().nbytes();
            progress.at(totalBytes == 0 ? 1 : (double) readBytes / totalBytes);
        }
        return allocation;
    }

    private Array.Allocation allocate(Piece piece) {
        try {
            Array.Allocation allocation = mlx.call(() -> {
                Array.Allocation fresh = Array.allocateWeight(piece.dtype(), piece.shape());
                fresh.array().detach();
                return fresh;
            });
            made.add(allocation.array());
            memoryBytes += allocation.memory().byteSize();
            return allocation;
        } catch (MlxException e) {
            throw Problem.of(
                            Problem.Kind.UNAVAILABLE,
                            "no memory for tensor " + piece.name() + " after " + memoryBytes + " bytes of weights: "
                                    + e.getMessage() + "; unload another model first",
                            piece.name())
                    .asException(e);
        }
    }

    private static void fill(ModelFolder.Entry part, Dtype dtype, MemorySegment into) throws InterruptedException {
        try {
            if (part.tensor().dtype() == dtype) {
                part.read(into);
            } else {
                HalfPrecision.read(part, dtype, into);
            }
        } catch (MlxException e) {
            // An interrupt during the read closes the channel: that is a cancelled load, not a bad file.
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            throw Problem.of(
                            Problem.Kind.INVALID,
                            String.valueOf(e.getMessage()),
                            part.tensor().name())
                    .asException(e);
        }
    }

    static long elements(int[] shape) {
        long count = 1;
        for (int dimension : shape) {
            count = Math.multiplyExact(count, dimension);
        }
        return count;
    }

    /** Bytes of all arrays made. */
    long memoryBytes() {
        return memoryBytes;
    }

    /** Hands over all that was made. */
    List<Array> release() {
        List<Array> all = made;
        made = new ArrayList<>();
        return all;
    }

    /** Frees, on the MLX thread, what was made and not released. */
    void discard() {
        List<Array> all = release();
        if (!all.isEmpty()) {
            mlx.call(() -> {
                all.forEach(Array::close);
                return all.size();
            });
        }
    }
}
