package io.vllmd.mlx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A KV arena beside its reference in double: what every slot should hold, and random steps over both. */
@SuppressWarnings("try")
final class KvModel {

    static final float EPS = 1e-5f;

    /** Geometry and position encoding of the layer. */
    record Layer(
            int slots,
            int capacity,
            int heads,
            int kvHeads,
            int headDim,
            boolean norms,
            int ropeDims,
            float ropeScale,
            boolean freqs) {
        int qkvWidth() {
            return (heads + 2 * kvHeads) * headDim;
        }

        int qWidth() {
            return heads * headDim;
        }
    }

    /** The rows of one step and their qkv input. */
    @SuppressWarnings("ArrayRecordComponent")
    record Rows(int[] slots, int[] positions, float[] qkv) {
        int n() {
            return slots.length;
        }

        /** One row as a batch of its own. */
        Rows alone(int row, int width) {
            return new Rows(
                    new int[] {slots[row]},
                    new int[] {positions[row]},
                    Arrays.copyOfRange(qkv, row * width, (row + 1) * width));
        }
    }

    /** Results of a step. */
    @SuppressWarnings("ArrayRecordComponent")
    record Outputs(float[] q, float[] attention) {}

    final Layer layer;
    final int[] lengths;
    private final double[][][][] keys;
    private final double[][][][] values;
    private final float @Nullable [] qNorm;
    private final float @Nullable [] kNorm;
    private final float @Nullable [] freqs;

    KvModel(Random random, Layer layer) {
        this.layer = layer;
        lengths = new int[layer.slots];
        keys = new double[layer.slots][layer.kvHeads][layer.capacity][layer.headDim];
        values = new double[layer.slots][layer.kvHeads][layer.capacity][layer.headDim];
        qNorm = layer.norms ? Numbers.random(random, layer.headDim) : null;
        kNorm = layer.norms ? Numbers.random(random, layer.headDim) : null;
        freqs = layer.freqs ? new float[layer.ropeDims / 2] : null;
        if (freqs != null) {
            for (int i = 0; i < freqs.length; i++) {
                freqs[i] = 1 + 10 * random.nextFloat();
            }
        }
    }

    /** Some slots decode one row, some prefill a run, some rest; a full slot begins anew over stale contents. */
    Rows randomRows(Random random) {
        List<int[]> rows = new ArrayList<>();
        for (int slot : shuffled(random, layer.slots)) {
            int run = random.nextInt(3) == 0 ? 1 + random.nextInt(layer.capacity / 2) : random.nextInt(2);
            if (lengths[slot] + run > layer.capacity) {
                lengths[slot] = 0;
            }
            for (int i = 0; i < run; i++) {
                rows.add(new int[] {slot, lengths[slot]++});
            }
        }
        if (rows.isEmpty()) {
            lengths[0] %= layer.capacity;
            rows.add(new int[] {0, lengths[0]++});
        }
        return new Rows(
                rows.stream().mapToInt(r -> r[0]).toArray(),
                rows.stream().mapToInt(r -> r[1]).toArray(),
                Numbers.random(random, rows.size() * layer.qkvWidth()));
    }

    /** The step on the library. */
    Outputs run(KvArena arena, Rows rows) {
        try (Scope scope = Scope.open();
                Batch batch = Batch.of(rows.slots, rows.positions)) {
            Array q = Mlx.qkvRopeWrite(
                    Array.of(rows.qkv, rows.n(), layer.qkvWidth()),
                    arena,
                    batch,
                    layer.heads,
                    layer.kvHeads,
                    layer.headDim,
                    array(qNorm),
                    array(kNorm),
                    EPS,
                    layer.ropeDims,
                    10_000f,
                    layer.ropeScale,
                    array(freqs));
            Array out = Mlx.attention(q, arena, batch, layer.heads, scale());
            return new Outputs(q.toFloats(), out.toFloats());
        }
    }

    /** The same over pages, inside the caller's scope. */
    Outputs run(KvPages pages, StepRows step, Rows rows, int window) {
        Array q = Mlx.append(
                Array.of(rows.qkv, rows.n(), layer.qkvWidth()),
                pages,
                step,
                layer.heads,
                layer.kvHeads,
                layer.headDim,
                array(qNorm),
                array(kNorm),
                EPS,
                layer.ropeDims,
                10_000f,
                layer.ropeScale,
                array(freqs));
        Array out = Mlx.attention(q, pages, step, layer.heads, scale(), window);
        return new Outputs(q.toFloats(), out.toFloats());
    }

    private static @Nullable Array array(float @Nullable [] values) {
        return values == null ? null : Array.of(values, values.length);
    }

    /** The same step on the reference, q then attention. */
    double[][] expect(Rows rows) {
        double[] q = new double[rows.n() * layer.qWidth()];
        double[] out = new double[q.length];
        int d = layer.headDim;
        for (int r = 0; r < rows.n(); r++) {
            int slot = rows.slots[r];
            int position = rows.positions[r];
            int at = r * layer.qkvWidth();
            for (int h = 0; h < layer.kvHeads; h++) {
                int key = at + (layer.heads + h) * d;
                keys[slot][h][position] = head(rows.qkv, key, kNorm, position);
                int value = at + (layer.heads + layer.kvHeads + h) * d;
                for (int i = 0; i < d; i++) {
                    values[slot][h][position][i] = rows.qkv[value + i];
                }
            }
            for (int h = 0; h < layer.heads; h++) {
                double[] query = head(rows.qkv, at + h * d, qNorm, position);
                int kv = h / (layer.heads / layer.kvHeads);
                double[] a = Reference.attend(query, keys[slot][kv], values[slot][kv], position + 1, scale());
                System.arraycopy(query, 0, q, r * layer.qWidth() + h * d, d);
                System.arraycopy(a, 0, out, r * layer.qWidth() + h * d, d);
            }
        }
        return new double[][] {q, out};
    }

    void copySlot(int to, int from, int length) {
        for (int h = 0; h < layer.kvHeads; h++) {
            for (int t = 0; t < length; t++) {
                keys[to][h][t] = keys[from][h][t].clone();
                values[to][h][t] = values[from][h][t].clone();
            }
        }
        lengths[to] = length;
    }

    float scale() {
        return (float) (1 / Math.sqrt(layer.headDim));
    }

    private double[] head(float[] x, int from, float @Nullable [] norm, int position) {
        return Reference.head(
                x, from, layer.headDim, norm, EPS, position, layer.ropeDims, 10_000f, layer.ropeScale, freqs);
    }

    private static int[] shuffled(Random random, int n) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }
}
