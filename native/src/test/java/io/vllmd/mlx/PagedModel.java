package io.vllmd.mlx;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A layer's pages beside what they should hold, in double: sequences that grow, begin late, and give pages back. */
@SuppressWarnings("try")
final class PagedModel implements AutoCloseable {

    static final float EPS = 1e-5f;

    /** Geometry of the layer and how it is kept. */
    record Layer(int heads, int kvHeads, int headDim, boolean norms, int ropeDims, int window, int bits) {
        int qkvWidth() {
            return (heads + 2 * kvHeads) * headDim;
        }

        int qWidth() {
            return heads * headDim;
        }
    }

    /** What one sequence sees, and where it lies. */
    static final class Sequence {
        final List<Integer> table = new ArrayList<>();
        final List<double[][]> keys = new ArrayList<>();
        final List<double[][]> values = new ArrayList<>();
        int first;
        int sinks;

        int length() {
            return keys.size();
        }
    }

    /** One run of rows: a sequence and how many of its next positions. */
    record Run(int sequence, int count) {}

    /** What one step gave: rows of q and of attention, [rows, heads·headDim]. */
    @SuppressWarnings("ArrayRecordComponent")
    record Outputs(float[] q, float[] attention) {}

    final Layer layer;
    final KvPages pages;
    final List<Sequence> sequences = new ArrayList<>();
    private final Deque<Integer> free = new ArrayDeque<>();
    private final float @Nullable [] qNorm;
    private final float @Nullable [] kNorm;

    /** All pages hold NaN at first: what is read before it was written shows. */
    PagedModel(Random random, Layer layer, int count, int sequences) {
        this.layer = layer;
        pages = KvPages.allocate(count, count, layer.kvHeads, layer.headDim, Dtype.FLOAT32, layer.bits);
        List<Integer> order = new ArrayList<>();
        MemorySegment poison = MemorySegment.ofArray(new byte[(int) pages.pageBytes()]);
        poison.fill((byte) 0xff);
        for (int page = 0; page < count; page++) {
            pages.write(page, poison);
            order.add(page);
        }
        Collections.shuffle(order, random);
        free.addAll(order);
        qNorm = layer.norms ? Numbers.random(random, layer.headDim) : null;
        kNorm = layer.norms ? Numbers.random(random, layer.headDim) : null;
        for (int i = 0; i < sequences; i++) {
            this.sequences.add(new Sequence());
        }
    }

    float scale() {
        return (float) (1 / Math.sqrt(layer.headDim));
    }

    /** First position that a row sees beside the sinks. */
    int begin(Sequence sequence, int position) {
        return Math.max(sequence.first, layer.window > 0 ? Math.max(0, position - layer.window + 1) : 0);
    }

    /** Pages that no later row will see go back, as the engine does it. */
    void giveBack() {
        for (Sequence sequence : sequences) {
            int begin = begin(sequence, sequence.length());
            for (int i = 0; i < sequence.table.size(); i++) {
                if ((i + 1) * KvPages.PAGE <= begin
                        && i * KvPages.PAGE >= sequence.sinks
                        && sequence.table.get(i) >= 0) {
                    free.add(sequence.table.get(i));
                    sequence.table.set(i, -1);
                }
            }
        }
    }

    /** Another sequence begins with the first {@code pages} pages of one, the same ones. */
    void share(int from, int to, int pages) {
        Sequence source = sequences.get(from);
        Sequence target = sequences.get(to);
        target.table.addAll(source.table.subList(0, pages));
        target.keys.addAll(source.keys.subList(0, pages * KvPages.PAGE));
        target.values.addAll(source.values.subList(0, pages * KvPages.PAGE));
    }

    /** The rows of the runs, computed on the library; positions count on from where each sequence stands. */
    Outputs step(List<Run> runs, float[] qkv) {
        int[] ids = new int[runs.stream().mapToInt(Run::count).sum()];
        int[] positions = new int[ids.length];
        int row = 0;
        for (Run run : runs) {
            Sequence sequence = sequences.get(run.sequence);
            for (int i = 0; i < run.count; i++, row++) {
                ids[row] = run.sequence;
                positions[row] = sequence.length();
                remember(sequence, qkv, row);
            }
            while (sequence.table.size() * KvPages.PAGE < sequence.length()) {
                sequence.table.add(free.removeFirst());
            }
        }
        return compute(ids, positions, qkv);
    }

    private Outputs compute(int[] ids, int[] positions, float[] qkv) {
        int[][] tables = sequences.stream()
                .map(s -> s.table.stream().mapToInt(page -> page).toArray())
                .toArray(int[][]::new);
        int[] first = sequences.stream().mapToInt(s -> s.first).toArray();
        int[] sinks = sequences.stream().mapToInt(s -> s.sinks).toArray();
        try (Scope scope = Scope.open();
                StepRows step = StepRows.of(ids, positions, tables, first, sinks)) {
            Array q = Mlx.append(
                    Array.of(qkv, ids.length, layer.qkvWidth()),
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
                    1,
                    null);
            Array out = Mlx.attention(q, pages, step, layer.heads, scale(), layer.window);
            return new Outputs(q.toFloats(), out.toFloats());
        }
    }

    private void remember(Sequence sequence, float[] qkv, int row) {
        int d = layer.headDim;
        double[][] keys = new double[layer.kvHeads][];
        double[][] values = new double[layer.kvHeads][d];
        for (int h = 0; h < layer.kvHeads; h++) {
            int at = row * layer.qkvWidth() + (layer.heads + h) * d;
            keys[h] = head(qkv, at, kNorm, sequence.length());
            for (int i = 0; i < d; i++) {
                values[h][i] = qkv[at + layer.kvHeads * d + i];
            }
        }
        sequence.keys.add(keys);
        sequence.values.add(values);
    }

    /** q of a row at a position, in double. */
    double[] expectedQ(float[] qkv, int row, int position) {
        double[] q = new double[layer.qWidth()];
        for (int h = 0; h < layer.heads; h++) {
            double[] one = head(qkv, row * layer.qkvWidth() + h * layer.headDim, qNorm, position);
            System.arraycopy(one, 0, q, h * layer.headDim, layer.headDim);
        }
        return q;
    }

    /** Attention of q at a position over what the pages truly hold. */
    double[] expectedAttention(Sequence sequence, double[] q, int position, List<Page> contents) {
        int d = layer.headDim;
        double[] out = new double[q.length];
        for (int h = 0; h < layer.heads; h++) {
            int kv = h / (layer.heads / layer.kvHeads);
            List<double[]> keys = new ArrayList<>();
            List<double[]> values = new ArrayList<>();
            for (int t = 0; t <= position; t++) {
                if (t >= begin(sequence, position) || t < sequence.sinks) {
                    Page page = contents.get(t / KvPages.PAGE);
                    keys.add(page.keys[kv][t % KvPages.PAGE]);
                    values.add(page.values[kv][t % KvPages.PAGE]);
                }
            }
            double[] one = Reference.attend(
                    Arrays.copyOfRange(q, h * d, (h + 1) * d),
                    keys.toArray(double[][]::new),
                    values.toArray(double[][]::new),
                    keys.size(),
                    scale());
            System.arraycopy(one, 0, out, h * d, d);
        }
        return out;
    }

    /** Keys and values of one page, [kvHead][position][headDim]. */
    @SuppressWarnings("ArrayRecordComponent")
    record Page(double[][][] keys, double[][][] values) {}

    private static final Page NOTHING = new Page(new double[0][][], new double[0][][]);

    List<Page> contents(Sequence sequence) {
        return sequence.table.stream()
                .map(page -> page < 0 ? NOTHING : read(page))
                .toList();
    }

    Page read(int page) {
        MemorySegment memory = MemorySegment.ofArray(new byte[(int) pages.pageBytes()]);
        pages.read(page, memory);
        long half = pages.pageBytes() / 2;
        return new Page(decode(memory.asSlice(0, half)), decode(memory.asSlice(half)));
    }

    /** The layout that {@link KvPages#read} tells: values of all heads, then float16 scales, then biases. */
    private double[][][] decode(MemorySegment part) {
        int d = layer.headDim;
        int rows = layer.kvHeads * KvPages.PAGE;
        long scales = (long) rows * d * layer.bits / 8;
        long biases = scales + (long) rows * (d / 32) * 2;
        double[][][] decoded = new double[layer.kvHeads][KvPages.PAGE][d];
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < d; i++) {
                long at = (long) row * d + i;
                double value;
                if (layer.bits == 0) {
                    value = part.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * at);
                } else {
                    int code = layer.bits == 8
                            ? part.get(ValueLayout.JAVA_BYTE, at) & 0xff
                            : part.get(ValueLayout.JAVA_BYTE, at / 2) >> (at % 2 * 4) & 15;
                    value = code * half(part, scales + at / 32 * 2) + half(part, biases + at / 32 * 2);
                }
                decoded[row / KvPages.PAGE][row % KvPages.PAGE][i] = value;
            }
        }
        return decoded;
    }

    private static double half(MemorySegment part, long at) {
        return Float.float16ToFloat(part.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
    }

    private double[] head(float[] x, int from, float @Nullable [] norm, int position) {
        return Reference.head(x, from, layer.headDim, norm, EPS, position, layer.ropeDims, 10_000f, 1, null);
    }

    private static @Nullable Array array(float @Nullable [] values) {
        return values == null ? null : Array.of(values, values.length);
    }

    @Override
    public void close() {
        pages.close();
    }
}
