package io.vllmd.model;

import io.vllmd.mlx.Array;

/** The KV cache as one forward pass sees it: the rows of this step, whatever slots they live in. */
public interface KvStep {

    /**
     * Splits, norms and rotates, writes keys and values of this step's rows into the cache, and attends.
     *
     * @param layer index of the attention layer, counted from 0
     * @param qkv [n, (heads + 2·kvHeads)·headDim], q then k then v
     * @return [n, heads·headDim]
     */
    Array attend(int layer, Array qkv, AttentionShape shape);
}
