package io.vllmd.model;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Dtype;
import java.util.List;

/** A loaded text model: rows of tokens to logits. All methods but {@link #description} run on the MLX thread. */
public interface LanguageModel extends AutoCloseable {

    Description description();

    /**
     * One forward pass.
     *
     * @param ids int32 [n], one token per row
     * @param kv the cache for these rows
     * @param logitRows the rows whose logits are wanted, ascending; where there are none, evaluating the empty result
     *     still writes the cache
     * @return [logitRows.length, vocabulary], float32 on a CPU device
     */
    Array forward(Array ids, KvStep kv, int[] logitRows);

    /** Frees the weights. */
    @Override
    void close();

    /**
     * What the engine and the outside need to know of a model.
     *
     * @param architecture model_type of its config.json
     * @param vocabulary number of logits
     * @param contextLength most tokens of prompt and answer together
     * @param kvLayers attention layers that hold keys and values, first to last
     * @param activations dtype of the residual stream, of keys and of values
     * @param weightBytes bytes of all weights in memory
     * @param quantization in words, such as "8-bit, groups of 64" or "bfloat16"
     */
    record Description(
            String architecture,
            int vocabulary,
            int contextLength,
            List<KvLayer> kvLayers,
            Dtype activations,
            long weightBytes,
            String quantization) {}

    /**
     * What an attention layer keeps of every position.
     *
     * @param kvHeads key/value heads
     * @param headDim size of a head
     * @param window newest positions that a token sees, its own among them; 0 = all
     */
    record KvLayer(int kvHeads, int headDim, int window) {}
}
