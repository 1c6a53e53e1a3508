package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.KvPages;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.mlx.SamplingRows;
import io.vllmd.mlx.Scope;
import io.vllmd.mlx.StepRows;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Runs a model once over each kind of step that picks other kernels, so that those which a GPU's driver compiles when
 * they are first used are there before the first request, which would wait for them for seconds. What was compiled once
 * on a machine is kept on disk there.
 */
public final class KernelWarmUp {
    /** Products take up to 8, 16, 32 and 64 rows at a time, attention up to 15 rows of a sequence one by one. */
    private static final int[] ROWS = {1, 2, 9, 17, 40, 300};

    private static final int POSITIONS = 512;

    /** From so many keys on, a row's attention is split. */
    private static final int SPLIT_FROM = 400;

    private KernelWarmUp() {}

    /**
     * Not on the MLX thread, which is free for others between the steps.
     *
     * @param kvBits as in {@link LaneOptions}
     */
    public static void run(MlxThread mlx, LanguageModel model, int kvBits) {
        for (int rows : ROWS) {
            mlx.call(() -> step(model, kvBits, 0, rows, false));
        }
        mlx.call(() -> step(model, kvBits, SPLIT_FROM, 1, false));
        for (int rows : new int[] {1, 40}) {
            mlx.call(() -> step(model, kvBits, SPLIT_FROM, rows, true));
        }
    }

    @SuppressWarnings("try") // the scope is there to be closed
    private static boolean step(LanguageModel model, int kvBits, int from, int rows, boolean rowIndependent) {
        LanguageModel.Description description = model.description();
        int[] positions = new int[rows];
        Arrays.setAll(positions, i -> from + i);
        int[][] table = {new int[POSITIONS / KvPages.PAGE]};
        Arrays.setAll(table[0], i -> i);
        int[] zero = new int[1];
        List<KvPages> layers = new ArrayList<>();
        Mlx.rowIndependent(rowIndependent);
        try (Scope scope = Scope.open();
                StepRows step = StepRows.of(new int[rows], positions, table, zero, zero)) {
            for (LanguageModel.KvLayer layer : description.kvLayers()) {
                layers.add(KvPages.allocate(
                        table[0].length,
                        table[0].length,
                        layer.kvHeads(),
                        layer.headDim(),
                        description.activations(),
                        kvBits));
            }
            int[] logitRows = new int[Math.min(rows, 32)];
            Arrays.setAll(logitRows, i -> i);
            Array logits = model.forward(
                    Array.of(new int[rows], rows),
                    (layer, qkv, shape) -> PagedStep.attend(
                            layers.get(layer),
                            step,
                            qkv,
                            shape,
                            description.kvLayers().get(layer).window()),
                    logitRows);
            Array greedy =
                    Mlx.choose(logits, choosing(logitRows.length, 0), null).tokens();
            Array sampled =
                    Mlx.choose(logits, choosing(logitRows.length, 0.7f), greedy).tokens();
            Mlx.eval(greedy, sampled, Mlx.astype(logits, Dtype.FLOAT32));
            return true;
        } finally {
            layers.forEach(KvPages::close);
            Mlx.rowIndependent(false);
        }
    }

    /** Rows with every kind of filter and penalty where they are sampled. */
    private static SamplingRows choosing(int count, float temperature) {
        SamplingRows rows = new SamplingRows();
        for (int i = 0; i < count; i++) {
            if (temperature == 0) {
                rows.addGreedy();
            } else {
                rows.add(temperature, 20, 0.9f, 0.01f, 0.5f, 0.1f, 0.1f, 1.1f, i, -1);
            }
        }
        return rows;
    }
}
