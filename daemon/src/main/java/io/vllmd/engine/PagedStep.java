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
     * Adjacent rows of one sequence.
     *
     * @param tables its pages, one table a group, with room for the rows
     * @param position of the first row
     */
    record Rows(List<PageTable> tables, int position, int count) {}

    /** The rows of planned runs. */
    static PagedStep of(KvCache cache, List<Step.Run> runs, int bound) {
        List<Rows> rows = new ArrayList<>(runs.size());
        for (Step.Run run : runs) {
            rows.add(new Rows(run.sequence().tables, run.sequence().written, run.rows()));
        }
        return new PagedStep(cache, rows, bound);
    }

    /**
     * @param parts one a sequence
     * @param bound newest positions that a token sees where a layer would see all, 0 = no bound; and of the oldest
     *     {@link SequenceBound#SINKS} in any case
     */
    PagedStep(KvCache cache, List<Rows> parts, int bound) {
        this.cache = cache;
        this.bound = bound;
        int rowCount = 0;
        for (Rows each : parts) {
            rowCount += each.count;
        }
        int[] sequences = new int[rowCount];
        int[] positions = new int[rowCount];
        int row = 0;
        for (int i = 0; i < parts.size(); i++) {
            for (int j = 0; j < parts.get(i).count; j++) {
                sequences[row] = i;
                positions[row++] = parts.get(i).position + j;
            }
        }
        int[] first = new int[parts.size()];
        for (int group = 0; group < cache.groups().size(); group++) {
            int[][] tables = new int[parts.size()][];
            for (int i = 0; i < tables.length; i++) {
                tables[i] = parts.get(i).tables.get(group).pages();
            }
            int[] sinks = new int[parts.size()];
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
