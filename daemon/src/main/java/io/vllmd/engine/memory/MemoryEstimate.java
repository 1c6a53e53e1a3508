package io.vllmd.engine.memory;

import io.vllmd.mlx.KvPages;
import io.vllmd.model.Footprint;
import io.vllmd.model.LanguageModel;

/**
 * Bytes that serving a model takes, told before it is loaded.
 *
 * @param weights of the model
 * @param kv keys and values of the tokens asked for
 * @param steps what steps make on their way, at the moment when that is most
 */
public record MemoryEstimate(long weights, long kv, long steps) {

    /** The engine sends a step off before it has read the one before. */
    private static final int STEPS_AT_ONCE = 2;

    /**
     * What is to be served at once.
     *
     * @param sequences requests in the batch
     * @param tokens of each, prompt and answer together
     * @param stepRows most tokens in one step
     * @param kvBits bits of keys and values, 0 for the model's own type
     */
    public record Load(int sequences, int tokens, int stepRows, int kvBits) {}

    public static MemoryEstimate of(Footprint model, Load load) {
        return new MemoryEstimate(
                model.weightBytes(),
                load.sequences() * kvBytes(model, load),
                STEPS_AT_ONCE * model.stepBytes(load.stepRows(), load.sequences()));
    }

    public long total() {
        return weights + kv + steps;
    }

    /**
     * Of one sequence, in whole pages; of a layer with a window those that it sees while its part of a step is written.
     */
    private static long kvBytes(Footprint model, Load load) {
        long bytes = 0;
        for (LanguageModel.KvLayer layer : model.kvLayers()) {
            long tokens = load.tokens();
            if (layer.window() > 0) {
                tokens = Math.min(tokens, (long) layer.window() + load.stepRows() / load.sequences() + KvPages.PAGE);
            }
            long pages = Math.ceilDiv(tokens, (long) KvPages.PAGE);
            bytes += pages * KvPages.bytesOfPage(layer.kvHeads(), layer.headDim(), model.activations(), load.kvBits());
        }
        return bytes;
    }
}
