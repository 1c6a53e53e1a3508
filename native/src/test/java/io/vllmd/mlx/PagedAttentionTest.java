package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.mlx.PagedModel.Layer;
import io.vllmd.mlx.PagedModel.Outputs;
import io.vllmd.mlx.PagedModel.Page;
import io.vllmd.mlx.PagedModel.Run;
import io.vllmd.mlx.PagedModel.Sequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(OnMlxThread.class)
class PagedAttentionTest {

    private static final double TOLERANCE = 2e-5;

    /** MLX's rotation computes its angles in float32: at position 400 that is 5e-5. */
    private static final double PORTABLE_TOLERANCE = 1e-4;

    private static final List<Layer> LAYERS = List.of(
            new Layer(4, 2, 16, true, 16, 0, 0),
            new Layer(6, 1, 64, false, 64, 100, 0),
            new Layer(3, 3, 20, false, 10, 7, 0),
            new Layer(16, 2, 80, true, 32, 0, 0),
            new Layer(7, 1, 32, true, 0, 300, 0),
            new Layer(4, 2, 64, true, 64, 0, 8),
            new Layer(6, 2, 32, true, 32, 90, 8),
            new Layer(4, 2, 64, true, 64, 0, 4),
            new Layer(5, 1, 96, false, 32, 64, 4));

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void stepsOfAnyRowsEqualTheReference(String kernels) {
        Kernels.use(kernels);
        double tolerance = kernels.equals(Kernels.PORTABLE) ? PORTABLE_TOLERANCE : TOLERANCE;
        for (Layer layer : LAYERS) {
            Random random = new Random(layer.hashCode());
            try (PagedModel model = new PagedModel(random, layer, 60, 3)) {
                for (int step = 0; step < 10; step++) {
                    List<Run> runs = randomRuns(random, model);
                    float[] qkv = Numbers.random(random, rows(runs) * layer.qkvWidth());
                    compare(model, runs, qkv, model.step(runs, qkv), tolerance, layer + ", step " + step);
                    model.giveBack();
                }
            }
        }
    }

    /** Some sequences decode one row, some prefill a run, some rest; some see no further back than a first position. */
    private static List<Run> randomRuns(Random random, PagedModel model) {
        List<Run> runs = new ArrayList<>();
        for (int i = 0; i < model.sequences.size(); i++) {
            Sequence sequence = model.sequences.get(i);
            int count = random.nextInt(3) == 0 ? 1 + random.nextInt(130) : random.nextInt(2);
            if (count > 0 && sequence.length() + count <= 450) {
                runs.add(new Run(i, count));
            }
            if (sequence.length() == 0) {
                sequence.sinks = random.nextInt(3) == 0 ? random.nextInt(80) : 0;
            } else if (random.nextInt(4) == 0) {
                sequence.first = Math.max(sequence.first, random.nextInt(sequence.length()));
            }
        }
        return runs.isEmpty() ? List.of(new Run(0, 1)) : runs;
    }

    private static void compare(
            PagedModel model, List<Run> runs, float[] qkv, Outputs actual, double tolerance, String what) {
        int width = model.layer.qWidth();
        int row = 0;
        for (Run run : runs) {
            Sequence sequence = model.sequences.get(run.sequence());
            List<Page> contents = model.contents(sequence);
            assertHeld(model, sequence, contents, tolerance, what);
            for (int i = 0; i < run.count(); i++, row++) {
                int position = sequence.length() - run.count() + i;
                double[] q = model.expectedQ(qkv, row, position);
                Numbers.assertClose(q, row(actual.q(), row, width), tolerance, what + ", q of row " + row);
                double[] out = model.expectedAttention(sequence, q, position, contents);
                Numbers.assertClose(
                        out, row(actual.attention(), row, width), tolerance, what + ", attention of row " + row);
            }
        }
    }

    /** Each position holds what was written there, to within half a step of its group where it is quantised. */
    private static void assertHeld(
            PagedModel model, Sequence sequence, List<Page> contents, double tolerance, String what) {
        for (int t = 0; t < sequence.length(); t++) {
            Page page = contents.get(t / KvPages.PAGE);
            for (int h = 0; h < page.keys().length; h++) {
                String where = what + ", position " + t;
                double[] key = page.keys()[h][t % KvPages.PAGE];
                double[] value = page.values()[h][t % KvPages.PAGE];
                assertHeld(model.layer.bits(), sequence.keys.get(t)[h], key, tolerance, where + ", key");
                assertHeld(model.layer.bits(), sequence.values.get(t)[h], value, tolerance, where + ", value");
            }
        }
    }

    private static void assertHeld(int bits, double[] wanted, double[] held, double exact, String what) {
        for (int i = 0; i < wanted.length; i++) {
            double tolerance = exact;
            if (bits > 0) {
                double[] group = Arrays.copyOfRange(wanted, i / 32 * 32, i / 32 * 32 + 32);
                double least = Arrays.stream(group).min().orElseThrow();
                double most = Arrays.stream(group).max().orElseThrow();
                double step = (most - least + Math.abs(least) / 1024) / ((1 << bits) - 1) * (1 + 1.0 / 1024);
                tolerance += step / 2;
            }
            assertTrue(
                    Math.abs(wanted[i] - held[i]) <= tolerance, what + " " + i + ": " + held[i] + ", not " + wanted[i]);
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#own")
    void aRowsResultIsTheSameBitsAloneInAnyChunkAndBesideAnyOther(String kernels) {
        Kernels.use(kernels);
        for (int which : new int[] {0, 1, 3, 5, 8}) {
            Layer layer = LAYERS.get(which);
            Random random = new Random(layer.hashCode() + 1);
            int n = 330;
            float[] prompt = Numbers.random(random, n * layer.qkvWidth());
            float[] other = Numbers.random(random, n * layer.qkvWidth());
            int sinks = random.nextInt(2) * 70;
            Outputs alone = inChunks(layer, prompt, other, sinks, new int[] {1}, 0);
            for (int[] chunks : new int[][] {{n}, {64}, {7, 100, 1}, {257, 48}}) {
                Outputs chunked = inChunks(layer, prompt, other, sinks, chunks, 0);
                assertArrayEquals(
                        alone.attention(), chunked.attention(), layer + " in chunks " + Arrays.toString(chunks));
            }
            Outputs beside = inChunks(layer, prompt, other, sinks, new int[] {33}, 50);
            assertArrayEquals(alone.attention(), beside.attention(), layer + " beside another");
            Mlx.cpuThreads(3);
            Outputs threads = inChunks(layer, prompt, other, sinks, new int[] {1}, 1);
            Mlx.cpuThreads(1);
            Outputs thread = inChunks(layer, prompt, other, sinks, new int[] {91}, 2);
            Mlx.cpuThreads(0);
            assertArrayEquals(alone.attention(), threads.attention(), layer + " on three threads");
            assertArrayEquals(alone.attention(), thread.attention(), layer + " on one thread");
        }
    }

    /** A prompt in chunks of these sizes in turn, {@code beside} rows of another sequence in the same steps. */
    private static Outputs inChunks(Layer layer, float[] prompt, float[] other, int sinks, int[] chunks, int beside) {
        int n = prompt.length / layer.qkvWidth();
        float[] q = new float[n * layer.qWidth()];
        float[] attention = new float[q.length];
        try (PagedModel model = new PagedModel(new Random(5), layer, 60, 2)) {
            model.sequences.get(1).sinks = sinks;
            int done = 0;
            for (int turn = 0; done < n; turn++) {
                int count = Math.min(chunks[turn % chunks.length], n - done);
                int extra = Math.min(beside, n - model.sequences.get(0).length());
                List<Run> runs = extra > 0 ? List.of(new Run(0, extra), new Run(1, count)) : List.of(new Run(1, count));
                float[] qkv = new float[(extra + count) * layer.qkvWidth()];
                System.arraycopy(other, 0, qkv, 0, extra * layer.qkvWidth());
                System.arraycopy(
                        prompt, done * layer.qkvWidth(), qkv, extra * layer.qkvWidth(), count * layer.qkvWidth());
                Outputs outputs = model.step(runs, qkv);
                int width = layer.qWidth();
                System.arraycopy(outputs.q(), extra * width, q, done * width, count * width);
                System.arraycopy(outputs.attention(), extra * width, attention, done * width, count * width);
                done += count;
            }
        }
        return new Outputs(q, attention);
    }

    /** Pages in common are read once for all; 2 splits of 256 positions are, and part of a third. */
    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#own")
    void sequencesThatShareTheirPromptsPagesGiveTheSameBitsAsAlone(String kernels) {
        Kernels.use(kernels);
        for (int which : new int[] {0, 2, 4, 5, 8}) {
            Layer layer = LAYERS.get(which);
            try (PagedModel together = branches(layer);
                    PagedModel alone = branches(layer)) {
                List<Run> runs = List.of(new Run(3, 1), new Run(0, 1), new Run(4, 5), new Run(1, 1), new Run(2, 2));
                int width = layer.qkvWidth();
                for (int step = 0; step < 2; step++) {
                    float[] qkv = Numbers.random(new Random(step), rows(runs) * width);
                    float[] all = together.step(runs, qkv).attention();
                    int row = 0;
                    for (Run run : runs) {
                        int end = row + run.count();
                        float[] one = alone.step(List.of(run), Arrays.copyOfRange(qkv, row * width, end * width))
                                .attention();
                        assertArrayEquals(
                                one,
                                Arrays.copyOfRange(all, row * layer.qWidth(), end * layer.qWidth()),
                                layer + ", sequence " + run.sequence());
                        row = end;
                    }
                }
            }
        }
    }

    /** Five sequences: two with a long prompt in common, two more with the beginning of it, and one apart. */
    private static PagedModel branches(Layer layer) {
        PagedModel model = new PagedModel(new Random(5), layer, 60, 5);
        float[] qkv = Numbers.random(new Random(6), 650 * layer.qkvWidth());
        model.step(List.of(new Run(0, 650)), qkv);
        model.share(0, 1, 10);
        model.share(0, 2, 5);
        model.share(0, 3, 5);
        model.step(List.of(new Run(4, 300)), Arrays.copyOf(qkv, 300 * layer.qkvWidth()));
        model.step(List.of(new Run(2, 250), new Run(3, 250)), Arrays.copyOf(qkv, 500 * layer.qkvWidth()));
        return model;
    }

    @Test
    void rowsWithoutTheirPagesAreRefused() {
        int[] zero = {0};
        assertThrows(MlxException.class, () -> StepRows.of(zero, new int[] {64}, new int[][] {{3}}, zero, zero));
        assertThrows(MlxException.class, () -> StepRows.of(zero, zero, new int[][] {{-1}}, zero, zero));
        assertThrows(MlxException.class, () -> StepRows.of(new int[] {1}, zero, new int[][] {{3}}, zero, zero));
        try (KvPages pages = KvPages.allocate(4, 4, 1, 32, Dtype.FLOAT32, 0);
                StepRows beyond = StepRows.of(zero, zero, new int[][] {{4}}, zero, zero);
                StepRows hole = StepRows.of(zero, new int[] {70}, new int[][] {{-1, 2}}, zero, zero)) {
            Array q = Array.of(new float[32], 1, 32);
            assertThrows(MlxException.class, () -> Mlx.attention(q, pages, beyond, 1, 1, 0));
            assertThrows(MlxException.class, () -> Mlx.attention(q, pages, hole, 1, 1, 0));
            assertThrows(MlxException.class, () -> Mlx.attention(q, pages, hole, 1, 1, 8));
            assertEquals(32, Mlx.attention(q, pages, hole, 1, 1, 7).toFloats().length);
        }
    }

    @Test
    void rowsOfOneSequenceMustBeAdjacentAndAscending() {
        int[][] tables = {{0}, {1}};
        int[] none = {0, 0};
        int[] positions = {0, 1};
        assertThrows(
                MlxException.class, () -> StepRows.of(new int[] {0, 1, 0}, new int[] {0, 0, 1}, tables, none, none));
        assertThrows(MlxException.class, () -> StepRows.of(new int[] {0, 0}, new int[] {0, 2}, tables, none, none));
        assertThrows(IllegalArgumentException.class, () -> StepRows.of(new int[1], positions, tables, none, none));
        StepRows rows = StepRows.of(new int[] {1, 1}, positions, tables, none, none);
        assertEquals(2, rows.rows());
        rows.close();
        rows.close();
        assertThrows(IllegalStateException.class, rows::handle);
    }

    private static int rows(List<Run> runs) {
        return runs.stream().mapToInt(Run::count).sum();
    }

    private static float[] row(float[] all, int row, int width) {
        return Arrays.copyOfRange(all, row * width, (row + 1) * width);
    }
}
