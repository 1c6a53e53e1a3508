package io.vllmd.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Array;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Scope;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class WeightReaderTest extends ModelTest {

    private static final String NORM = "model.norm.weight";

    private static Array read(@Nullable Dtype half) throws Exception {
        try (ModelFolder folder = ModelFolder.open(Reference.models().resolve("dense-bf16-tied-shards"))) {
            WeightReader reader = new WeightReader(mlx, Device.GPU, half, 1, fraction -> {});
            Array norm = reader.norm(folder.tensor(NORM));
            assertEquals(List.of(norm), reader.release());
            return norm;
        }
    }

    @Test
    @SuppressWarnings("try") // the scope is there to be closed
    void bfloat16BecomesFloat16ForAGpuThatLacksIt() throws Exception {
        Array kept = read(null);
        Array converted = read(Dtype.FLOAT16);
        mlx.call(() -> {
            try (Scope scope = Scope.open()) {
                assertEquals(Dtype.BFLOAT16, kept.dtype());
                assertEquals(Dtype.FLOAT16, converted.dtype());
                assertArrayEquals(
                        Mlx.astype(kept, Dtype.FLOAT32).toFloats(),
                        Mlx.astype(converted, Dtype.FLOAT32).toFloats());
            }
            kept.close();
            converted.close();
            return 0;
        });
    }
}
