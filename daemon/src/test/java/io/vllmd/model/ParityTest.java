package io.vllmd.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Small models with random weights against mlx-lm; which kinds there are, model_fixtures.py says. */
class ParityTest extends ModelTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "dense-f32-linear-rope",
                "dense-bf16-tied-shards",
                "dense-f16",
                "affine4-g32-tied",
                "affine4-g64-shards",
                "affine8-g64-tied",
                "affine8-g128",
                "affine8-g32-f16-scales",
                "mixed-bits"
            })
    void givesTheLogitsAndGreedyTokensOfMlxLm(String name) throws Exception {
        Reference reference = Reference.of(name);
        int[] prompt = reference.ints("prompt");
        float[][] expected = reference.rows("logits");
        int[] greedy = reference.ints("greedy");
        float[] margins = reference.floats("margins");

        with(Reference.models().resolve(name), model -> {
            try (PlainCache cache = new PlainCache(model.description(), 1, 64)) {
                float[][] logits = cache.step(model, prompt);
                assertEquals(prompt.length, logits.length);
                for (int i = 0; i < logits.length; i++) {
                    float off = largestDifference(expected[i], logits[i]);
                    assertTrue(off <= Reference.TOLERANCE, "position " + i + " is off by " + off);
                }
                // The reference's tokens are fed, so that one unclear choice does not end the comparison.
                float[] last = logits[logits.length - 1];
                for (int i = 0; i < greedy.length; i++) {
                    if (margins[i] > Reference.CLEAR_MARGIN) {
                        assertEquals(greedy[i], argmax(last), "token " + i);
                    }
                    last = cache.step(model, new int[] {greedy[i]})[0];
                }
            }
            return 0;
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"dense-bf16-tied-shards", "affine4-g32-tied", "affine8-g128", "mixed-bits"})
    void aPromptInChunksGivesTheSameAsInOneGo(String name) throws Exception {
        int[] prompt = Reference.of(name).ints("prompt");
        with(Reference.models().resolve(name), model -> {
            float[][] whole = inChunks(model, prompt, prompt.length);
            for (int chunk : List.of(1, 3, 7, 17)) {
                assertArrayEquals(whole, inChunks(model, prompt, chunk), "chunks of " + chunk);
            }
            return 0;
        });
    }

    private static float[][] inChunks(LanguageModel model, int[] prompt, int chunk) {
        try (PlainCache cache = new PlainCache(model.description(), 1, 64)) {
            float[][] logits = new float[prompt.length][];
            for (int from = 0; from < prompt.length; from += chunk) {
                int to = Math.min(from + chunk, prompt.length);
                float[][] part = cache.step(model, Arrays.copyOfRange(prompt, from, to));
                System.arraycopy(part, 0, logits, from, part.length);
            }
            return logits;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dense-bf16-tied-shards", "affine4-g32-tied", "affine8-g128", "mixed-bits"})
    void sequencesInOneBatchGiveTheSameAsAlone(String name) throws Exception {
        int[] prompt = Reference.of(name).ints("prompt");
        int[] first = Arrays.copyOfRange(prompt, 0, 5);
        int[] second = Arrays.copyOfRange(prompt, 5, 6);
        int[] third = Arrays.copyOfRange(prompt, 6, 17);
        with(Reference.models().resolve(name), model -> {
            float[][] together;
            float[][] next;
            try (PlainCache cache = new PlainCache(model.description(), 3, 64)) {
                together = cache.step(model, first, second, third);
                next = cache.step(model, new int[] {3}, new int[] {4}, new int[] {5});
            }
            int row = 0;
            int slot = 0;
            for (int[] sequence : List.of(first, second, third)) {
                try (PlainCache cache = new PlainCache(model.description(), 1, 64)) {
                    float[][] alone = cache.step(model, sequence);
                    assertArrayEquals(alone, Arrays.copyOfRange(together, row, row + sequence.length));
                    assertArrayEquals(cache.step(model, new int[] {3 + slot})[0], next[slot]);
                }
                row += sequence.length;
                slot++;
            }
            return 0;
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"dense-f32-linear-rope", "affine8-g64-tied"})
    void onlyTheWantedRowsHaveLogits(String name) throws Exception {
        int[] prompt = Reference.of(name).ints("prompt");
        with(Reference.models().resolve(name), model -> {
            try (PlainCache all = new PlainCache(model.description(), 1, 64);
                    PlainCache some = new PlainCache(model.description(), 1, 64)) {
                float[][] logits = all.step(model, prompt);
                float[][] wanted = some.step(model, new int[] {2, 9}, new int[][] {prompt});
                assertArrayEquals(new float[][] {logits[2], logits[9]}, wanted);
                assertEquals(0, some.step(model, new int[0], new int[][] {{1, 2}}).length);
                all.step(model, new int[] {1, 2});
                assertArrayEquals(all.step(model, new int[] {7}), some.step(model, new int[] {7}));
            }
            return 0;
        });
    }
}
