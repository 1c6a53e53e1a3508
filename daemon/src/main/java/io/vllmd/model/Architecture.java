package io.vllmd.model;

import java.util.List;

/**
 * What a family's file says of a decoder-only transformer, read from its configuration. Data only: {@link
 * Binder} finds the weights for it and {@link Decoder} runs it.
 *
 * @param modelType model_type of the configuration
 * @param vocabulary rows of the embedding table, and logits
 * @param hidden width of the residual stream
 * @param contextLength positions that the model was made for
 * @param eps epsilon of the RMS norms
 * @param tied whether the embedding table is the output head, too
 * @param layers from the first to the last
 */
record Architecture(
        String modelType, int vocabulary, int hidden, int contextLength, float eps, boolean tied, List<Layer> layers) {

    /** What each layer's attention keeps, first to last. */
    List<LanguageModel.KvLayer> kvLayers() {
        return layers.stream()
                .map(Layer::attention)
                .map(each -> new LanguageModel.KvLayer(each.kvHeads(), each.headDim(), each.window()))
                .toList();
    }

    /** A pre-norm block: h += attention(norm h), then h += mlp(norm h). */
    record Layer(Attention attention, Mlp mlp) {}

    /**
     * Attention with grouped key/value heads, no biases.
     *
     * @param scale factor on q·k before the softmax
     * @param window newest positions that a token sees, its own among them; 0 = all
     * @param qkNorm whether every query and key head is RMS-normed before it is rotated
     */
    record Attention(int heads, int kvHeads, int headDim, float scale, int window, boolean qkNorm, Rope rope) {
        int queryRows() {
            return heads * headDim;
        }

        int keyRows() {
            return kvHeads * headDim;
        }
    }

    /** Rotary positions, halves paired: angle = position · scale · base^(-2i/dims). */
    record Rope(int dims, float base, float scale) {}

    /** down(silu(gate x) · up x), no biases. */
    record Mlp(int intermediate) {}
}
