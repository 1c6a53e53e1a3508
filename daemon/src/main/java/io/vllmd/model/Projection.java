package io.vllmd.model;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Weight;
import java.util.List;

/** Linear layers of one input whose outputs stand side by side: one product where the weights could be folded. */
record Projection(List<Weight> parts) {

    /** x [n, K] to [n, sum of the parts' rows]. */
    Array apply(Array x) {
        if (parts.size() == 1) {
            return Mlx.linear(x, parts.getFirst());
        }
        Array[] outputs = new Array[parts.size()];
        for (int i = 0; i < outputs.length; i++) {
            outputs[i] = Mlx.linear(x, parts.get(i));
        }
        return Mlx.concatenate(1, outputs);
    }
}
