package io.vllmd.mlx;

/**
 * MLX's own operations, one C call each: they build a node of the graph and compute nothing until it is
 * evaluated. Element-wise ones broadcast. Results belong to the innermost open scope of the MLX thread, the
 * only thread that may call them; what MLX refuses (shapes, types) is an {@link MlxException}. {@link Mlx}
 * inherits them.
 */
abstract sealed class ArrayOperations permits LinearOperations {

    ArrayOperations() {}

    private static Array unary(int op, Array a) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.unary(thread, op, a.handle()));
    }

    private static Array binary(int op, Array a, Array b) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.binary(thread, op, a.handle(), b.handle()));
    }

    private static Array reduce(int op, Array a, int axis, boolean keepDims) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.reduce(thread, op, a.handle(), axis, keepDims));
    }

    public static Array negative(Array a) {
        return unary(0, a);
    }

    public static Array abs(Array a) {
        return unary(1, a);
    }

    public static Array square(Array a) {
        return unary(2, a);
    }

    public static Array sqrt(Array a) {
        return unary(3, a);
    }

    /** 1 / sqrt(x). */
    public static Array rsqrt(Array a) {
        return unary(4, a);
    }

    public static Array exp(Array a) {
        return unary(5, a);
    }

    public static Array log(Array a) {
        return unary(6, a);
    }

    public static Array sigmoid(Array a) {
        return unary(7, a);
    }

    public static Array tanh(Array a) {
        return unary(8, a);
    }

    /** x · sigmoid(x). */
    public static Array silu(Array a) {
        return unary(9, a);
    }

    public static Array sin(Array a) {
        return unary(10, a);
    }

    public static Array cos(Array a) {
        return unary(11, a);
    }

    public static Array floor(Array a) {
        return unary(12, a);
    }

    /** The error function. */
    public static Array erf(Array a) {
        return unary(13, a);
    }

    public static Array add(Array a, Array b) {
        return binary(0, a, b);
    }

    public static Array subtract(Array a, Array b) {
        return binary(1, a, b);
    }

    public static Array multiply(Array a, Array b) {
        return binary(2, a, b);
    }

    public static Array divide(Array a, Array b) {
        return binary(3, a, b);
    }

    public static Array maximum(Array a, Array b) {
        return binary(4, a, b);
    }

    public static Array minimum(Array a, Array b) {
        return binary(5, a, b);
    }

    public static Array power(Array a, Array b) {
        return binary(6, a, b);
    }

    /** Element-wise, bool. */
    public static Array equal(Array a, Array b) {
        return binary(7, a, b);
    }

    /** Element-wise, bool. */
    public static Array less(Array a, Array b) {
        return binary(8, a, b);
    }

    /** Element-wise, bool. */
    public static Array greater(Array a, Array b) {
        return binary(9, a, b);
    }

    public static Array matmul(Array a, Array b) {
        return binary(10, a, b);
    }

    public static Array sum(Array a, int axis, boolean keepDims) {
        return reduce(0, a, axis, keepDims);
    }

    public static Array mean(Array a, int axis, boolean keepDims) {
        return reduce(1, a, axis, keepDims);
    }

    public static Array max(Array a, int axis, boolean keepDims) {
        return reduce(2, a, axis, keepDims);
    }

    public static Array min(Array a, int axis, boolean keepDims) {
        return reduce(3, a, axis, keepDims);
    }

    public static Array prod(Array a, int axis, boolean keepDims) {
        return reduce(4, a, axis, keepDims);
    }

    /** Index along the axis, uint32. */
    public static Array argmax(Array a, int axis, boolean keepDims) {
        return reduce(5, a, axis, keepDims);
    }

    /** Index along the axis, uint32. */
    public static Array argmin(Array a, int axis, boolean keepDims) {
        return reduce(6, a, axis, keepDims);
    }

    public static Array logsumexp(Array a, int axis, boolean keepDims) {
        return reduce(7, a, axis, keepDims);
    }

    /** Elements of {@code a} where the condition holds, else of {@code b}. */
    public static Array where(Array condition, Array a, Array b) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.where(thread, condition.handle(), a.handle(), b.handle()));
    }

    public static Array astype(Array a, Dtype dtype) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.astype(thread, a.handle(), dtype.code()));
    }

    /** The same values in row-major order, copied only if they are not yet. */
    public static Array contiguous(Array a) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.contiguous(thread, a.handle()));
    }

    /** One dimension may be -1: what remains. */
    public static Array reshape(Array a, int... shape) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.reshape(thread, a.handle(), shape));
    }

    /** Axis i of the result is axis {@code axes[i]} of {@code a}. */
    public static Array transpose(Array a, int... axes) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.transpose(thread, a.handle(), axes));
    }

    /** From {@code start} inclusive to {@code stop} exclusive, one of each per axis. */
    public static Array slice(Array a, int[] start, int[] stop) {
        if (start.length != stop.length) {
            throw new IllegalArgumentException(
                    "slice takes a start and a stop per axis, got " + start.length + " and " + stop.length);
        }
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.slice(thread, a.handle(), start, stop));
    }

    public static Array concatenate(int axis, Array... arrays) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.concatenate(thread, arrays, axis));
    }

    /** Slices of {@code a} along the axis at integer {@code indices}, whose shape replaces that axis. */
    public static Array take(Array a, Array indices, int axis) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.take(thread, a.handle(), indices.handle(), axis));
    }

    /** Indices that sort ascending along the axis, uint32. */
    public static Array argsort(Array a, int axis) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.argsort(thread, a.handle(), axis));
    }

    public static Array softmax(Array a, int axis) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.softmax(thread, a.handle(), axis));
    }

    public static Array full(int[] shape, float value, Dtype dtype) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.full(thread, shape, value, dtype.code()));
    }

    /** Standard normal numbers, the same for the same seed. */
    public static Array randomNormal(long seed, Dtype dtype, int... shape) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, OperationCalls.randomNormal(thread, shape, seed, dtype.code()));
    }

    /** Affine quantisation of w [N, K] along K, in groups of 32, 64 or 128, to 4 or 8 bits. */
    public static Weight.Affine quantize(Array w, int group, int bits) {
        OwnerThread thread = OwnerThread.current();
        OperationCalls.quantize(thread, w.handle(), group, bits);
        Array packed = Array.adopt(thread, thread.scratch.get(0));
        Array scales = Array.adopt(thread, thread.scratch.get(1));
        Array biases = Array.adopt(thread, thread.scratch.get(2));
        return new Weight.Affine(packed, scales, biases, group, bits, null);
    }

    /** The [N, K] matrix that the packed one stands for, in the dtype of its scales. */
    public static Array dequantize(Weight.Affine w) {
        if (w.panels()) {
            throw new IllegalArgumentException("a weight in panels is read by linear layers and embeddings only");
        }
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(
                thread,
                OperationCalls.dequantize(
                        thread,
                        w.packed().handle(),
                        w.scales().handle(),
                        w.biases().handle(),
                        w.group(),
                        w.bits()));
    }
}
