package io.vllmd.mlx;

import org.jspecify.annotations.Nullable;

/** Linear layers, embeddings, norms and the gate; called as {@link Mlx}'s. */
abstract sealed class LinearOperations extends ArrayOperations permits Mlx {

    LinearOperations() {}

    /** [n, N] = x [n, K] · Wᵀ (+ the weight's bias). */
    public static Array linear(Array x, Weight weight) {
        return linear(x, weight, null);
    }

    /** [n, N] = x [n, K] · Wᵀ (+ the weight's bias) (+ residual [n, N]). */
    public static Array linear(Array x, Weight weight, @Nullable Array residual) {
        OwnerThread thread = OwnerThread.current();
        long added = Array.handleOrNone(residual);
        return Array.adopt(thread, LinearCalls.linear(thread, x.handle(), 0, 0, weight, false, added));
    }

    /** [n, N] = norm(x [n, K]) · Wᵀ (+ the weight's bias). */
    public static Array linear(Array x, RmsNorm norm, Weight weight) {
        return normed(x, norm, weight, false);
    }

    /** [n, F] = silu(gate) · up of norm(x [n, K]); the weight's rows are F of the gate, then F of up. */
    public static Array gated(Array x, RmsNorm norm, Weight weight) {
        return normed(x, norm, weight, true);
    }

    private static Array normed(Array x, RmsNorm norm, Weight weight, boolean gated) {
        OwnerThread thread = OwnerThread.current();
        long normWeight = norm.weight().handle();
        return Array.adopt(thread, LinearCalls.linear(thread, x.handle(), normWeight, norm.eps(), weight, gated, 0));
    }

    /** [n, K]: rows {@code ids} (int32 [n]) of a table [V, K]; float32 on a CPU device, else the table's type. */
    public static Array embedding(Array ids, Weight table) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(
                thread,
                switch (table) {
                    case Weight.Dense d -> LinearCalls.embedding(thread, ids.handle(), d.w().handle(), 0, 0, 0, 0);
                    case Weight.Affine a ->
                        LinearCalls.embedding(
                                thread,
                                ids.handle(),
                                a.packed().handle(),
                                a.scales().handle(),
                                a.biases().handle(),
                                a.group(),
                                a.layout());
                });
    }

    /** [n, K] = x / sqrt(mean(x²) + eps) · weight [K]. */
    public static Array rmsNorm(Array x, Array weight, float eps) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, LinearCalls.rmsNorm(thread, x.handle(), weight.handle(), eps));
    }

    /** [n, F] = silu(x[:, :F]) · x[:, F:], x [n, 2F]. */
    public static Array swiglu(Array x) {
        OwnerThread thread = OwnerThread.current();
        return Array.adopt(thread, LinearCalls.swiglu(thread, x.handle()));
    }
}
