package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vllmd.mlx.KvModel.Layer;
import io.vllmd.mlx.KvModel.Outputs;
import io.vllmd.mlx.KvModel.Rows;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(OnMlxThread.class)
class AttentionTest {

    private static final double TOLERANCE = 2e-5;

    private static final List<Layer> LAYERS = List.of(
            new Layer(4, 40, 4, 2, 16, true, 16, 1, false),
            new Layer(3, 70, 6, 1, 64, false, 64, 1, false),
            new Layer(2, 33, 2, 2, 128, true, 128, 0.25f, false),
            new Layer(3, 24, 3, 3, 20, false, 10, 1, false),
            new Layer(3, 24, 4, 1, 80, true, 32, 1, true),
            new Layer(2, 300, 2, 1, 32, true, 0, 1, false));

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void mixedPrefillAndDecodeStepsEqualTheReference(String kernels) {
        Kernels.use(kernels);
        for (Layer layer : LAYERS) {
            Random random = new Random(layer.hashCode());
            KvModel model = new KvModel(random, layer);
            try (KvArena arena = arena(layer)) {
                for (int step = 0; step < 12; step++) {
                    Rows rows = model.randomRows(random);
                    Outputs actual = model.run(arena, rows);
                    double[][] expected = model.expect(rows);
                    String what = layer + ", step " + step;
                    Numbers.assertClose(expected[0], actual.q(), TOLERANCE, what + ", q");
                    Numbers.assertClose(expected[1], actual.attention(), TOLERANCE, what + ", attention");
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#own")
    void aRowsResultDoesNotDependOnItsNeighbours(String kernels) {
        Kernels.use(kernels);
        for (Layer layer : LAYERS) {
            Random random = new Random(layer.hashCode());
            KvModel model = new KvModel(random, layer);
            try (KvArena together = arena(layer);
                    KvArena alone = arena(layer)) {
                for (int step = 0; step < 8; step++) {
                    Rows rows = model.randomRows(random);
                    Outputs all = model.run(together, rows);
                    for (int r = 0; r < rows.n(); r++) {
                        Outputs one = model.run(alone, rows.alone(r, layer.qkvWidth()));
                        int width = layer.qWidth();
                        assertArrayEquals(one.q(), Arrays.copyOfRange(all.q(), r * width, (r + 1) * width));
                        assertArrayEquals(
                                one.attention(),
                                Arrays.copyOfRange(all.attention(), r * width, (r + 1) * width),
                                layer + ", step " + step + ", row " + r + " of " + rows.n());
                    }
                    assertArrayEquals(together.k.toFloats(), alone.k.toFloats());
                    assertArrayEquals(together.v.toFloats(), alone.v.toFloats());
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void copiedSlotsAnswerAsTheirOriginals(String kernels) {
        Kernels.use(kernels);
        Layer layer = LAYERS.getFirst();
        Random random = new Random(3);
        KvModel model = new KvModel(random, layer);
        try (KvArena arena = arena(layer)) {
            Rows prompt = new Rows(
                    new int[] {1, 1, 1, 1, 1}, new int[] {0, 1, 2, 3, 4}, Numbers.random(random, 5 * layer.qkvWidth()));
            model.run(arena, prompt);
            model.expect(prompt);
            arena.copySlot(3, arena, 1, 5);
            model.copySlot(3, 1, 5);
            Rows next = new Rows(new int[] {3}, new int[] {5}, Numbers.random(random, layer.qkvWidth()));
            Outputs actual = model.run(arena, next);
            Numbers.assertClose(model.expect(next)[1], actual.attention(), TOLERANCE, "row on the copy");

            try (KvArena larger = KvArena.allocate(2, layer.kvHeads(), 64, layer.headDim(), Dtype.FLOAT32)) {
                larger.copySlot(0, arena, 3, 6);
                float[] from = arena.v.toFloats();
                float[] to = larger.v.toFloats();
                int d = layer.headDim();
                for (int h = 0; h < layer.kvHeads(); h++) {
                    int source = (3 * layer.kvHeads() + h) * layer.capacity() * d;
                    int target = h * 64 * d;
                    assertArrayEquals(
                            Arrays.copyOfRange(from, source, source + 6 * d),
                            Arrays.copyOfRange(to, target, target + 6 * d));
                    assertArrayEquals(new float[58 * d], Arrays.copyOfRange(to, target + 6 * d, target + 64 * d));
                }
            }
        }
    }

    @Test
    void slotsAndPositionsOutsideTheArenaAreRefused() {
        Layer layer = LAYERS.getFirst();
        KvModel model = new KvModel(new Random(1), layer);
        try (KvArena arena = arena(layer)) {
            float[] qkv = new float[layer.qkvWidth()];
            for (int[] bad : new int[][] {{layer.slots(), 0}, {-1, 0}, {0, layer.capacity()}, {0, -1}}) {
                Rows rows = new Rows(new int[] {bad[0]}, new int[] {bad[1]}, qkv);
                assertThrows(MlxException.class, () -> model.run(arena, rows), Arrays.toString(bad));
            }
            assertThrows(MlxException.class, () -> arena.copySlot(0, arena, 1, layer.capacity() + 1));
            assertThrows(MlxException.class, () -> arena.copySlot(layer.slots(), arena, 1, 1));
            // The arena is as usable as before.
            Rows good = new Rows(new int[] {0}, new int[] {0}, qkv);
            assertEquals(layer.qWidth(), model.run(arena, good).attention().length);
        }
    }

    @Test
    void aBatchIsRefusedAfterItsEnd() {
        Batch batch = Batch.of(new int[] {0}, new int[] {0});
        assertEquals(1, batch.rows());
        batch.close();
        batch.close();
        assertThrows(IllegalStateException.class, batch::handle);
        assertThrows(IllegalArgumentException.class, () -> Batch.of(new int[1], new int[2]));
    }

    private static KvArena arena(Layer layer) {
        return KvArena.allocate(layer.slots(), layer.kvHeads(), layer.capacity(), layer.headDim(), Dtype.FLOAT32);
    }
}
