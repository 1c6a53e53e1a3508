package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vllmd.mlx.KvModel.Layer;
import io.vllmd.mlx.KvModel.Outputs;
import io.vllmd.mlx.KvModel.Rows;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(OnMlxThread.class)
@SuppressWarnings("try")
class PagedAttentionTest {

    private static final int PAGES = 40;
    private static final Layer LAYER = new Layer(3, 300, 6, 2, 32, true, 32, 1, false);

    @ParameterizedTest
    @MethodSource("io.vllmd.mlx.Kernels#all")
    void stepsOverPagesEqualStepsOverSlots(String kernels) {
        Kernels.use(kernels);
        Random random = new Random(1);
        KvModel model = new KvModel(random, LAYER);
        Tables tables = new Tables(random);
        try (KvArena arena = KvArena.allocate(
                        LAYER.slots(), LAYER.kvHeads(), LAYER.capacity(), LAYER.headDim(), Dtype.FLOAT32);
                KvPages pages = KvPages.allocate(PAGES, PAGES, LAYER.kvHeads(), LAYER.headDim(), Dtype.FLOAT32, 0)) {
            for (int step = 0; step < 16; step++) {
                Rows rows = model.randomRows(random);
                Outputs slots = model.run(arena, rows);
                Outputs paged = tables.run(model, pages, rows, 0);
                assertArrayEquals(slots.q(), paged.q(), 2e-6f, "q of step " + step);
                assertArrayEquals(slots.attention(), paged.attention(), 2e-6f, "attention of step " + step);
            }
        }
    }

    @Test
    void pagesAreReadWrittenCopiedAndTrimmed() {
        Random random = new Random(2);
        KvModel model = new KvModel(random, LAYER);
        Tables tables = new Tables(random);
        try (KvPages pages = KvPages.allocate(PAGES, 2 * PAGES, LAYER.kvHeads(), LAYER.headDim(), Dtype.FLOAT32, 0)) {
            assertEquals(2L * LAYER.kvHeads() * KvPages.PAGE * LAYER.headDim() * 4, pages.pageBytes());
            int n = 70;
            int[] positions = new int[n];
            for (int i = 0; i < n; i++) {
                positions[i] = i;
            }
            tables.run(model, pages, new Rows(new int[n], positions, Numbers.random(random, n * LAYER.qkvWidth())), 0);
            int page = tables.of(0).get(0);
            byte[] before = new byte[(int) pages.pageBytes()];
            pages.read(page, MemorySegment.ofArray(before));

            pages.grow(PAGES + 2);
            pages.write(PAGES, MemorySegment.ofArray(before));
            Array tokens = Array.of(new int[] {3, 4}, 2);
            Array after = KvPages.copy(
                    tokens, new KvPages[] {pages}, new int[] {PAGES + 1}, new int[] {page}, new int[] {KvPages.PAGE});
            assertArrayEquals(new int[] {3, 4}, after.toInts());
            for (int copy : new int[] {PAGES, PAGES + 1}) {
                byte[] read = new byte[before.length];
                pages.read(copy, MemorySegment.ofArray(read));
                assertArrayEquals(before, read);
            }
            pages.trim(new int[] {PAGES});
            byte[] read = new byte[before.length];
            pages.read(PAGES, MemorySegment.ofArray(read));
            assertArrayEquals(new byte[before.length], read);
            pages.read(PAGES + 1, MemorySegment.ofArray(read));
            assertArrayEquals(before, read);
        }
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

    /** Pages handed out in random order as the slots of a {@link KvModel} grow. */
    private static final class Tables {
        private final List<List<Integer>> tables = new ArrayList<>();
        private final List<Integer> free = new ArrayList<>();

        Tables(Random random) {
            for (int page = 0; page < PAGES; page++) {
                free.add(random.nextInt(free.size() + 1), page);
            }
            for (int slot = 0; slot < LAYER.slots(); slot++) {
                tables.add(new ArrayList<>());
            }
        }

        List<Integer> of(int slot) {
            return tables.get(slot);
        }

        Outputs run(KvModel model, KvPages pages, Rows rows, int window) {
            for (int i = 0; i < rows.n(); i++) {
                List<Integer> table = of(rows.slots()[i]);
                while (table.size() * KvPages.PAGE <= rows.positions()[i]) {
                    table.add(free.removeLast());
                }
            }
            int[][] all = tables.stream()
                    .map(t -> t.stream().mapToInt(page -> page).toArray())
                    .toArray(int[][]::new);
            int[] none = new int[all.length];
            try (Scope scope = Scope.open();
                    StepRows step = StepRows.of(rows.slots(), rows.positions(), all, none, none)) {
                return model.run(pages, step, rows, window);
            }
        }
    }
}
