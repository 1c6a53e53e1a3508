package io.vllmd.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

/** Layers with a sliding window, against every position in double. */
class SlidingWindowTest extends ModelTest {
    private static final String DENSE = "dense-f32-linear-rope";

    @TempDir
    Path folder;

    @Test
    void layersOfTypeSlidingAttentionSeeTheirWindow() throws Exception {
        assertEqualsReference(
                c -> c.put("use_sliding_window", true)
                        .put("sliding_window", 5)
                        .putArray("layer_types")
                        .add("sliding_attention")
                        .add("full_attention"),
                5,
                0);
    }

    /** Beyond one page, so that whole pages are passed over. */
    @Test
    void withoutTypesLayersAfterMaxWindowLayersSlide() throws Exception {
        assertEqualsReference(
                c -> c.put("use_sliding_window", true).put("sliding_window", 70).put("max_window_layers", 1), 0, 70);
    }

    @Test
    void aWindowThatIsNotUsedIsNone() throws Exception {
        assertEqualsReference(c -> c.put("sliding_window", 5).put("max_window_layers", 0), 0, 0);
    }

    private void assertEqualsReference(Consumer<ObjectNode> config, int... windows) throws Exception {
        Path path = EditedModel.of(DENSE).config(config).write(folder);
        int[] tokens = new Random(1).ints(200, 0, 80).toArray();
        double[][] expected = new DenseReference(path).logits(tokens, windows);
        double[][] unlimited = new DenseReference(path).logits(tokens, new int[windows.length]);
        with(path, model -> {
            assertEquals(
                    Arrays.stream(windows).boxed().toList(),
                    model.description().kvLayers().stream()
                            .map(LanguageModel.KvLayer::window)
                            .toList());
            for (int chunk : List.of(200, 64, 33)) {
                try (PlainCache cache = new PlainCache(model.description(), 1, 200)) {
                    for (int from = 0; from < tokens.length; from += chunk) {
                        int to = Math.min(tokens.length, from + chunk);
                        float[][] logits = cache.step(model, Arrays.copyOfRange(tokens, from, to));
                        for (int i = 0; i < logits.length; i++) {
                            double off = difference(expected[from + i], logits[i]);
                            assertTrue(off < 1e-4, "chunks of " + chunk + ", token " + (from + i) + " off by " + off);
                        }
                    }
                }
            }
            return 0;
        });
        double seen = 0;
        for (int i = 0; i < tokens.length; i++) {
            for (int j = 0; j < expected[i].length; j++) {
                seen = Math.max(seen, Math.abs(expected[i][j] - unlimited[i][j]));
            }
        }
        boolean windowed = Arrays.stream(windows).anyMatch(w -> w > 0);
        assertEquals(windowed, seen > 1e-3, "the window makes a difference of " + seen);
    }

    private static double difference(double[] expected, float[] actual) {
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            double difference = Math.abs(expected[i] - actual[i]);
            largest =
                    difference <= largest ? largest : Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
        }
        return largest;
    }
}
