package io.vllmd.model;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.RmsNorm;
import io.vllmd.mlx.Weight;
import java.util.List;

/** Linear layers of one input whose outputs stand side by side: one product where the weights could be folded. */
record Projection(List<Weight> parts) {

    /** norm(x [n, K]) to [n, sum of the parts' rows]. */
    Array apply(Array x, RmsNorm norm) {
        if (parts.size() == 1) {
            return Mlx.linear(x, norm, parts.getFirst());
        }
        Array normed = Mlx.rmsNorm(x, norm.weight(), norm.eps());
        Array[] outputs = new Array[parts.size()];
        for (int i = 0; i < outputs.length; i++) {
            outputs[i] = Mlx.linear(normed, parts.get(i));
        }
        return Mlx.concatenate(1, outputs);
    }

    /** silu(gate) · up, where gate and up are the halves of {@link #apply}. */
    Array gated(Array x, RmsNorm norm) {
        return parts.size() == 1 ? Mlx.gated(x, norm, parts.getFirst()) : Mlx.swiglu(apply(x, norm));
    }
}
