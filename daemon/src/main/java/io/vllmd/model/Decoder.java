package io.vllmd.model;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.RmsNorm;
import io.vllmd.mlx.Weight;
import java.util.List;

/**
 * Runs an {@link Architecture}: embedding, pre-norm blocks, final norm, head. Activations are [n, hidden], one row
 * per token, and rows meet in attention only.
 */
final class Decoder implements LanguageModel {

    /** One layer's weights. */
    record Block(
            Array inputNorm,
            Projection qkv,
            AttentionShape attention,
            Weight output,
            Array postAttentionNorm,
            Projection gateUp,
            Weight down) {}

    private final Description description;
    private final float eps;
    private final Weight embedding;
    private final List<Block> blocks;
    private final Array finalNorm;
    private final Weight head;
    private List<Array> owned;

    /** Owns {@code owned}, which are the arrays behind all other arguments. */
    Decoder(
            Description description,
            float eps,
            Weight embedding,
            List<Block> blocks,
            Array finalNorm,
            Weight head,
            List<Array> owned) {
        this.description = description;
        this.eps = eps;
        this.embedding = embedding;
        this.blocks = List.copyOf(blocks);
        this.finalNorm = finalNorm;
        this.head = head;
        this.owned = List.copyOf(owned);
    }

    @Override
    public Description description() {
        return description;
    }

    @Override
    public Array forward(Array ids, KvStep kv, int[] logitRows) {
        Array h = Mlx.embedding(ids, embedding);
        int last = blocks.size() - 1;
        for (int i = 0; i <= last; i++) {
            Block block = blocks.get(i);
            Array qkv = block.qkv().apply(h, new RmsNorm(block.inputNorm(), eps));
            Array attended = kv.attend(i, qkv, block.attention());
            if (i == last) {
                if (logitRows.length == 0) {
                    // No rows, but evaluating them writes the cache.
                    Array none = Mlx.slice(attended, new int[] {0, 0}, new int[] {0, attended.dim(1)});
                    return Mlx.reshape(none, 0, description.vocabulary());
                }
                // The last layer's keys are written; beyond them only rows with wanted logits matter.
                if (logitRows.length < ids.dim(0)) {
                    attended = Mlx.rows(attended, logitRows);
                    h = Mlx.rows(h, logitRows);
                }
            }
            h = Mlx.linear(attended, block.output(), h);
            Array gated = block.gateUp().gated(h, new RmsNorm(block.postAttentionNorm(), eps));
            h = Mlx.linear(gated, block.down(), h);
        }
        return Mlx.linear(h, new RmsNorm(finalNorm, eps), head);
    }

    @Override
    public void close() {
        owned.forEach(Array::close);
        owned = List.of();
    }
}
