package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing leaks, and the KV cache is written where it lies. */
@ExtendWith(OnMlxThread.class)
@SuppressWarnings("try")
class MemoryTest {

    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int HEAD_DIM = 32;
    private static final int WIDTH = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
    private static final int SEQUENCES = 3;
    private static final int PAGES = 400;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tenThousandStepsLeaveActiveMemoryAsItWas(boolean portable) {
        if (portable) {
            Kernels.use(Kernels.PORTABLE);
        }
        try (KvPages pages = pages(1)) {
            AffineMatrix matrix = new AffineMatrix(new Random(1), WIDTH, HEADS * HEAD_DIM, 32, 8, Dtype.FLOAT32);
            Weight weight = matrix.weight(null);
            Array first = Array.of(new float[SEQUENCES * WIDTH], SEQUENCES, WIDTH);
            Mlx.eval(first, matrix.packed);
            step(pages, weight, first, 0, null).close();
            Mlx.synchronize();
            long before = Mlx.memory().active();
            for (int i = 0; i < (portable ? 1_000 : 10_000); i++) {
                step(pages, weight, first, i % 64, null).close();
            }
            Mlx.synchronize();
            assertEquals(before, Mlx.memory().active());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aThousandStepsRunAheadNeverCopyTheCache(boolean portable) {
        if (portable) {
            Kernels.use(Kernels.PORTABLE);
        }
        try (KvPages pages = pages(PAGES)) {
            AffineMatrix matrix = new AffineMatrix(new Random(1), WIDTH, HEADS * HEAD_DIM, 32, 8, Dtype.FLOAT32);
            Array first = Array.of(new float[SEQUENCES * WIDTH], SEQUENCES, WIDTH);
            Mlx.eval(first, matrix.packed);
            Mlx.synchronize();
            long before = Mlx.memory().active();
            Mlx.resetPeak();
            Array previous = null;
            for (int i = 0; i < 1_000; i++) {
                Array next = step(pages, matrix.weight(null), first, i, previous);
                if (previous != null) {
                    previous.close();
                }
                previous = next;
            }
            Mlx.synchronize();
            long above = Mlx.memory().peak() - before;
            long all = SEQUENCES * PAGES * pages.pageBytes();
            assertTrue(above < all / 4, "steps took up to " + above + " bytes over the pages' " + all + ": copied");
            if (previous != null) {
                previous.close();
            }
            assertEquals(before, Mlx.memory().active());
        }
    }

    private static KvPages pages(int each) {
        int all = SEQUENCES * each;
        return KvPages.allocate(all, all, KV_HEADS, HEAD_DIM, Dtype.FLOAT32, 0);
    }

    /** A layer and a token a row; sent off without waiting, the tokens of the step before feed it. */
    private static Array step(KvPages pages, Weight weight, Array first, int position, @Nullable Array previous) {
        int[] sequences = {0, 1, 2};
        int[] positions = {position, position, position};
        int[][] tables = new int[SEQUENCES][pages.pages() / SEQUENCES];
        for (int i = 0; i < pages.pages(); i++) {
            tables[i % SEQUENCES][i / SEQUENCES] = i;
        }
        try (Scope scope = Scope.open();
                StepRows rows = StepRows.of(sequences, positions, tables, new int[SEQUENCES], new int[SEQUENCES])) {
            Array x = first;
            if (previous != null) {
                Array tokens = Mlx.stepTokens(previous, sequences, new int[3]);
                x = Mlx.add(first, Mlx.reshape(Mlx.astype(tokens, Dtype.FLOAT32), 3, 1));
            }
            Array q = Mlx.append(
                    x, pages, rows, HEADS, KV_HEADS, HEAD_DIM, null, null, 1e-6f, HEAD_DIM, 10_000f, 1f, null);
            Array out = Mlx.linear(Mlx.attention(q, pages, rows, HEADS, 0.1f, 0), weight);
            float[] zeros = new float[3];
            Array tokens = Mlx.sample(out, zeros, new int[3], new float[] {1, 1, 1}, zeros, zeros);
            Mlx.asyncEval(tokens);
            if (previous != null) {
                assertEquals(3, previous.toInts().length);
            }
            return tokens.detach();
        }
    }
}
