package io.vllmd.model;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.KvPages;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Scope;
import io.vllmd.mlx.StepRows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The plainest cache that a model can run over: sequences with fixed pages that follow each other. MLX thread only. */
final class PlainCache implements AutoCloseable {
    private final List<KvPages> layers = new ArrayList<>();
    private final List<Integer> windows = new ArrayList<>();
    private final int[] lengths;
    private final int[][] tables;

    PlainCache(LanguageModel.Description model, int sequences, int capacity) {
        lengths = new int[sequences];
        tables = new int[sequences][Math.ceilDiv(capacity, KvPages.PAGE)];
        int pages = 0;
        for (int[] table : tables) {
            for (int i = 0; i < table.length; i++) {
                table[i] = pages++;
            }
        }
        for (LanguageModel.KvLayer layer : model.kvLayers()) {
            layers.add(KvPages.allocate(pages, pages, layer.kvHeads(), layer.headDim(), Dtype.FLOAT32, 0));
            windows.add(layer.window());
        }
    }

    /**
     * One step: the next tokens of some sequences.
     *
     * @param tokens by sequence; an empty array for one that takes no part
     * @return logits of all rows, sequence by sequence
     */
    float[][] step(LanguageModel model, int[]... tokens) {
        int rows = Arrays.stream(tokens).mapToInt(t -> t.length).sum();
        return step(model, range(rows), tokens);
    }

    @SuppressWarnings("try") // the scope is used by being open
    float[][] step(LanguageModel model, int[] logitRows, int[][] tokens) {
        int rows = Arrays.stream(tokens).mapToInt(t -> t.length).sum();
        int[] ids = new int[rows];
        int[] sequences = new int[rows];
        int[] positions = new int[rows];
        int row = 0;
        for (int sequence = 0; sequence < tokens.length; sequence++) {
            for (int token : tokens[sequence]) {
                ids[row] = token;
                sequences[row] = sequence;
                positions[row++] = lengths[sequence]++;
            }
        }
        int[] none = new int[lengths.length];
        try (Scope scope = Scope.open();
                StepRows step = StepRows.of(sequences, positions, tables, none, none)) {
            Array logits = model.forward(Array.of(ids, rows), over(step), logitRows);
            // Also where no logits are wanted: it writes the cache.
            Mlx.eval(logits);
            float[] flat = logits.toFloats();
            int vocabulary = logits.dim(1);
            float[][] byRow = new float[logits.dim(0)][];
            for (int i = 0; i < byRow.length; i++) {
                byRow[i] = Arrays.copyOfRange(flat, i * vocabulary, (i + 1) * vocabulary);
            }
            return byRow;
        }
    }

    private KvStep over(StepRows step) {
        return (layer, qkv, shape) -> {
            KvPages pages = layers.get(layer);
            AttentionShape.Rope rope = shape.rope();
            Array q = Mlx.append(
                    qkv,
                    pages,
                    step,
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
            return Mlx.attention(q, pages, step, shape.heads(), shape.scale(), windows.get(layer));
        };
    }

    static int[] range(int n) {
        int[] rows = new int[n];
        Arrays.setAll(rows, i -> i);
        return rows;
    }

    @Override
    public void close() {
        layers.forEach(KvPages::close);
    }
}
