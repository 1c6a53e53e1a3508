package io.vllmd.engine;

import io.vllmd.engine.cache.PageTable;
import io.vllmd.mlx.Array;
import io.vllmd.mlx.KvPages;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.StepRows;
import io.vllmd.model.AttentionShape;
import io.vllmd.model.KvStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The rows of one step over the pages of their sequences. */
final class PagedStep implements KvStep, AutoCloseable {
    private final KvCache cache;
    private final int bound;

    /** The rows with the page tables of each group. */
    private final List<StepRows> rows = new ArrayList<>(1);

    /**
     * @param rowCount rows of all runs
     * @param bound newest positions that a token sees where a layer would see all, 0 = no bound; and of the oldest
     *     {@link SequenceBound#SINKS} in any case
     */
    PagedStep(KvCache cache, List<Step.Run> runs, int rowCount, int bound) {
        this.cache = cache;
        this.bound = bound;
        int[] sequences = new int[rowCount];
        int[] positions = new int[rowCount];
        int row = 0;
        for (int i = 0; i < runs.size(); i++) {
            Step.Run run = runs.get(i);
            for (int j = 0; j < run.rows(); j++) {
                sequences[row] = i;
                positions[row++] = run.sequence().written + j;
            }
        }
        int[] first = new int[runs.size()];
        for (int group = 0; group < cache.groups().size(); group++) {
            int[][] tables = new int[runs.size()][];
            for (int i = 0; i < tables.length; i++) {
                PageTable table = runs.get(i).sequence().tables.get(group);
                tables[i] = table.pages();
            }
            int[] sinks = new int[runs.size()];
            if (bound > 0 && cache.groups().get(group).window() == 0) {
                Arrays.fill(sinks, SequenceBound.SINKS);
            }
            try {
                rows.add(StepRows.of(sequences, positions, tables, first, sinks));
            } catch (RuntimeException e) {
                close();
                throw e;
            }
        }
    }

    @Override
    public Array attend(int layer, Array qkv, AttentionShape shape) {
        KvPages pages = cache.layer(layer, qkv.dtype());
        StepRows step = rows.get(cache.groupOf(layer));
        return attend(pages, step, qkv, shape, SequenceBound.window(cache.windowOf(layer), bound));
    }

    static Array attend(KvPages pages, StepRows step, Array qkv, AttentionShape shape, int window) {
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
        return Mlx.attention(q, pages, step, shape.heads(), shape.scale(), window);
    }

    /** The graph built with the rows holds what it needs of them. */
    @Override
    public void close() {
        rows.forEach(StepRows::close);
    }
}
