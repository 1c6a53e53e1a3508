package io.vllmd.mlx;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A handle on an MLX array, usually not computed yet. It belongs to the scope that was innermost when it was
 * made, or to whoever holds it if none was open. All methods belong to the MLX thread; after it is freed
 * they throw IllegalStateException.
 */
public final class Array implements AutoCloseable {

    /** Owner, null when detached; kept by {@link Scope} together with {@link #index}. */
    @Nullable
    Scope scope;

    int index;
    private long handle;
    private int @Nullable [] shape;
    private Dtype dtype = Dtype.FLOAT32;
    private long nbytes;

    private Array(long handle) {
        this.handle = handle;
    }

    /** Takes ownership of a handle for the innermost open scope. */
    static Array adopt(OwnerThread thread, long handle) {
        Array array = new Array(handle);
        Scope scope = thread.scope;
        if (scope != null) {
            scope.add(array);
        }
        return array;
    }

    /** The live handle. */
    long handle() {
        if (handle == 0) {
            throw new IllegalStateException("Array" + (shape == null ? "" : " " + Arrays.toString(shape))
                    + " is freed: its scope was closed; keep it with Scope.keep if it must live longer");
        }
        return handle;
    }

    static long handleOrNone(@Nullable Array array) {
        return array == null ? 0 : array.handle();
    }

    /** Gives the handle up without freeing it. */
    long release() {
        long released = handle;
        handle = 0;
        scope = null;
        return released;
    }

    /** Takes the array out of its scope; whoever holds it then closes it. */
    public Array detach() {
        OwnerThread.current();
        handle();
        if (scope != null) {
            scope.remove(this);
        }
        return this;
    }

    /** Frees it now; a second close does nothing. */
    @Override
    public void close() {
        OwnerThread thread = OwnerThread.current();
        if (handle == 0) {
            return;
        }
        if (scope != null) {
            scope.remove(this);
        }
        thread.scratch.reset(8);
        long at = thread.scratch.handles(1);
        thread.scratch.handle(at, 0, release());
        ArrayCalls.free(thread, at, 1);
    }

    private int[] describe() {
        OwnerThread thread = OwnerThread.current();
        long live = handle();
        int[] known = shape;
        if (known == null) {
            ArrayCalls.info(thread, live);
            known = thread.scratch.shape();
            dtype = Dtype.of(thread.scratch.dtype());
            nbytes = thread.scratch.nbytes();
            shape = known;
        }
        return known;
    }

    public int[] shape() {
        return describe().clone();
    }

    public int ndim() {
        return describe().length;
    }

    /** Size of an axis; a negative axis counts from the end. */
    public int dim(int axis) {
        int[] dims = describe();
        int i = axis < 0 ? axis + dims.length : axis;
        if (i < 0 || i >= dims.length) {
            throw new IllegalArgumentException("axis " + axis + " of an array of shape " + Arrays.toString(dims));
        }
        return dims[i];
    }

    /** Number of elements; ArithmeticException above 2^31 - 1. */
    public int size() {
        int n = 1;
        for (int d : describe()) {
            n = Math.multiplyExact(n, d);
        }
        return n;
    }

    public Dtype dtype() {
        describe();
        return dtype;
    }

    /** Bytes of the elements. */
    public long nbytes() {
        describe();
        return nbytes;
    }

    /** Computes it if need be, converts to float32 and copies, in row-major order. */
    public float[] toFloats() {
        float[] values = new float[size()];
        copyOut(
                Dtype.FLOAT32,
                dtype() == Dtype.FLOAT32,
                memory -> MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT, 0, values, 0, values.length));
        return values;
    }

    /** Computes it if need be, converts to int32 (uint32 keeps its bits) and copies, in row-major order. */
    public int[] toInts() {
        int[] values = new int[size()];
        copyOut(
                Dtype.INT32,
                dtype() == Dtype.INT32 || dtype() == Dtype.UINT32,
                memory -> MemorySegment.copy(memory, ValueLayout.JAVA_INT, 0, values, 0, values.length));
        return values;
    }

    /**
     * The elements in MLX's memory, computed if need be; read-only by convention, since MLX may share it
     * between arrays. Valid as long as the array lives: reading it later reads freed memory. Fails on an
     * array that is not contiguous, see {@link Mlx#contiguous}.
     */
    public MemorySegment data() {
        return MemorySegment.ofAddress(ArrayCalls.data(OwnerThread.current(), handle()))
                .reinterpret(nbytes());
    }

    private void copyOut(Dtype wanted, boolean direct, Consumer<MemorySegment> copy) {
        if (nbytes() == 0) {
            return;
        }
        if (direct) {
            // First without a further operation: one would queue behind all work already sent to the
            // stream, and the engine reads a step's tokens while the next step runs.
            long address = ArrayCalls.dataIfContiguous(OwnerThread.current(), handle());
            if (address != 0) {
                copy.accept(MemorySegment.ofAddress(address).reinterpret(nbytes()));
                return;
            }
        }
        try (Array converted = Mlx.astype(this, wanted).detach();
                Array contiguous = Mlx.contiguous(converted).detach()) {
            copy.accept(contiguous.data());
        }
    }

    /** Copies into a new array. */
    public static Array of(float[] values, int... shape) {
        return copyOf(MemorySegment.ofArray(values), Dtype.FLOAT32, shape);
    }

    /** Copies into a new int32 array. */
    public static Array of(int[] values, int... shape) {
        return copyOf(MemorySegment.ofArray(values), Dtype.INT32, shape);
    }

    /** Copies elements in row-major order and native byte order; the sizes must agree. */
    public static Array copyOf(MemorySegment bytes, Dtype dtype, int... shape) {
        long wanted = dtype.bytesOf(shape);
        if (bytes.byteSize() != wanted) {
            throw new IllegalArgumentException(dtype + " of shape " + Arrays.toString(shape) + " takes " + wanted
                    + " bytes, given " + bytes.byteSize());
        }
        Allocation allocation = allocate(dtype, shape);
        allocation.memory.copyFrom(bytes);
        return allocation.array;
    }

    /** Memory for an array, uninitialised. */
    public static Allocation allocate(Dtype dtype, int... shape) {
        requireShape(shape);
        OwnerThread thread = OwnerThread.current();
        ArrayCalls.alloc(thread, shape, dtype.code());
        return allocated(thread, dtype, shape);
    }

    /**
     * The same for a model's weight: on a CPU device in large memory pages, which it reads faster, and which go back to
     * the system when the array is freed.
     */
    public static Allocation allocateWeight(Dtype dtype, int... shape) {
        requireShape(shape);
        OwnerThread thread = OwnerThread.current();
        ArrayCalls.allocWeight(thread, shape, dtype.code());
        return allocated(thread, dtype, shape);
    }

    private static void requireShape(int[] shape) {
        for (int d : shape) {
            if (d < 0) {
                throw new IllegalArgumentException("negative dimension in shape " + Arrays.toString(shape));
            }
        }
    }

    private static Allocation allocated(OwnerThread thread, Dtype dtype, int[] shape) {
        Array array = adopt(thread, thread.scratch.get(0));
        MemorySegment memory = MemorySegment.ofAddress(thread.scratch.get(1)).reinterpret(dtype.bytesOf(shape));
        return new Allocation(array, memory);
    }

    /**
     * An array and its memory, which any thread may fill before the array's first use.
     *
     * @param array already evaluated
     * @param memory its elements in row-major order; valid while the array lives
     */
    public record Allocation(Array array, MemorySegment memory) {}
}
