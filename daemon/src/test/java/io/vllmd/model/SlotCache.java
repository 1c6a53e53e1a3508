package io.vllmd.model;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Batch;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.KvArena;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The plainest cache that a model can run over: one arena a layer, sequences in fixed slots. MLX thread only. */
final class SlotCache implements AutoCloseable {
    private final List<KvArena> arenas = new ArrayList<>();
    private final int[] lengths;

    SlotCache(LanguageModel.Description model, int slots, int capacity) {
        lengths = new int[slots];
        for (LanguageModel.KvLayer layer : model.kvLayers()) {
            arenas.add(KvArena.allocate(slots, layer.kvHeads(), capacity, layer.headDim(), Dtype.FLOAT32));
        }
    }

    /**
     * One step: the next tokens of some slots.
     *
     * @param tokens by slot; an empty array for a slot that takes no part
     * @return logits of all rows, slot by slot
     */
    float[][] step(LanguageModel model, int[]... tokens) {
        int rows = Arrays.stream(tokens).mapToInt(t -> t.length).sum();
        return step(model, range(rows), tokens);
    }

    @SuppressWarnings("try") // the scope is used by being open
    float[][] step(LanguageModel model, int[] logitRows, int[][] tokens) {
        int rows = Arrays.stream(tokens).mapToInt(t -> t.length).sum();
        int[] ids = new int[rows];
        int[] slots = new int[rows];
        int[] positions = new int[rows];
        int row = 0;
        for (int slot = 0; slot < tokens.length; slot++) {
            for (int token : tokens[slot]) {
                ids[row] = token;
                slots[row] = slot;
                positions[row++] = lengths[slot]++;
            }
        }
        try (Scope scope = Scope.open();
                Batch batch = Batch.of(slots, positions)) {
            Array logits = model.forward(Array.of(ids, rows), over(batch), logitRows);
            float[] flat = logits.toFloats();
            int vocabulary = logits.dim(1);
            float[][] byRow = new float[logits.dim(0)][];
            for (int i = 0; i < byRow.length; i++) {
                byRow[i] = Arrays.copyOfRange(flat, i * vocabulary, (i + 1) * vocabulary);
            }
            return byRow;
        }
    }

    private KvStep over(Batch batch) {
        return (layer, qkv, shape) -> {
            KvArena arena = arenas.get(layer);
            AttentionShape.Rope rope = shape.rope();
            Array q = Mlx.qkvRopeWrite(
                    qkv,
                    arena,
                    batch,
                    shape.heads(),
                    shape.kvHeads(),
                    shape.headDim(),
                    shape.qNorm(),
                    shape.kNorm(),
                    shape.eps(),
                    rope.dims(),
                    rope.base(),
                    rope.scale(),
                    rope.freqs());
            return Mlx.attention(q, arena, batch, shape.heads(), shape.scale());
        };
    }

    static int[] range(int n) {
        int[] rows = new int[n];
        Arrays.setAll(rows, i -> i);
        return rows;
    }

    @Override
    public void close() {
        arenas.forEach(KvArena::close);
    }
}
