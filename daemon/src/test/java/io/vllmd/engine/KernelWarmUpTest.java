package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.KvStep;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelWarmUpTest {

    /** Notes the rows of each step, and passes it on. */
    private record Watched(LanguageModel model, List<Integer> rows) implements LanguageModel {
        @Override
        public Description description() {
            return model.description();
        }

        @Override
        public Array forward(Array ids, KvStep kv, int[] logitRows) {
            rows.add(ids.dim(0));
            return model.forward(ids, kv, logitRows);
        }

        @Override
        public void close() {
            model.close();
        }
    }

    @Test
    void everyNumberOfRowsThatPicksOtherKernelsIsRunAndNothingIsKept() {
        try (MlxThread mlx = MlxThread.start("mlx")) {
            Watched model = new Watched(mlx.call(() -> new TinyModel(1, 1024)), new ArrayList<>());
            long before = mlx.call(() -> Mlx.memory().active());
            KernelWarmUp.run(mlx, model, 0);
            assertTrue(model.rows.containsAll(List.of(1, 8 + 1, 16 + 1, 32 + 8)), model.rows::toString);
            assertTrue(Collections.max(model.rows) > 256);
            assertEquals(before, mlx.call(() -> Mlx.memory().active()));
            mlx.call(() -> {
                model.close();
                return true;
            });
        }
    }
}
