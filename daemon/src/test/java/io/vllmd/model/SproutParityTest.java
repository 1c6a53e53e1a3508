package io.vllmd.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.mlx.Mlx;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The small real model against mlx-lm, 20 prompts of its own chat format in one batch. */
class SproutParityTest extends ModelTest {

    /** Of logits where activations are rounded to 16 bits; the largest difference measured was 0.0011. */
    private static final float FAST_TOLERANCE = 3e-3f;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "sprout-15m-8bit | 8-bit, groups of 64 | false",
                "sprout-15m-8bit | 8-bit, groups of 64 | true",
                "sprout-15m-bf16 | bfloat16 | false"
            })
    void givesTheLogitsAndGreedyTokensOfMlxLm(String name, String quantization, boolean fast) throws Exception {
        Path folder = Reference.testData("models/" + name);
        Reference reference = Reference.of(name);
        int[] lengths = reference.ints("lengths");
        int[][] prompts = split(reference.ints("prompts"), lengths);
        int[] positions = reference.ints("positions");
        float[][] expected = reference.rows("logits");
        int[] greedy = reference.ints("greedy");
        float[] margins = reference.floats("margins");
        int count = greedy.length / prompts.length;

        float tolerance = fast ? FAST_TOLERANCE : Reference.TOLERANCE;

        with(folder, model -> {
            Mlx.useFastCpuMath(fast);
            assertEquals(quantization, model.description().quantization());
            assertEquals(6144, model.description().vocabulary());
            assertEquals(4096, model.description().contextLength());
            try (PlainCache cache = new PlainCache(model.description(), prompts.length, 256)) {
                float[][] logits = cache.step(model, prompts);
                for (int i = 0; i < positions.length; i++) {
                    float off = largestDifference(expected[i], logits[positions[i]]);
                    assertTrue(off <= tolerance, "position " + positions[i] + " is off by " + off);
                }
                float[][] last = new float[prompts.length][];
                for (int p = 0, row = -1; p < prompts.length; p++) {
                    row += lengths[p];
                    last[p] = logits[row];
                }
                for (int i = 0; i < count; i++) {
                    int[][] next = new int[prompts.length][];
                    for (int p = 0; p < prompts.length; p++) {
                        int at = p * count + i;
                        if (margins[at] > Reference.CLEAR_MARGIN) {
                            assertEquals(greedy[at], argmax(last[p]), "prompt " + p + ", token " + i);
                        }
                        next[p] = new int[] {greedy[at]};
                    }
                    last = cache.step(model, next);
                }
            } finally {
                Mlx.useFastCpuMath(false);
            }
            return 0;
        });
    }

    private static int[][] split(int[] joined, int[] lengths) {
        int[][] parts = new int[lengths.length][];
        int from = 0;
        for (int i = 0; i < lengths.length; i++) {
            parts[i] = Arrays.copyOfRange(joined, from, from + lengths[i]);
            from += lengths[i];
        }
        return parts;
    }
}
