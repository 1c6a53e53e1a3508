package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Weight;
import io.vllmd.model.AttentionShape;
import io.vllmd.model.KvStep;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * A real transformer, small enough for thousands of steps: 2 layers, 4 heads over 2 of 16, hidden 32, 64 tokens, with
 * random weights. Large weights make it a chaotic one, so that a wrong key shows in the next token.
 */
final class TinyModel implements LanguageModel {
    static final int VOCABULARY = 64;

    private static final int LAYERS = 2;
    private static final int HIDDEN = 32;
    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int HEAD_DIM = 16;
    private static final int FFN = 48;
    private static final float EPS = 1e-5f;

    /** Keys and values of 64 positions in all layers. */
    static final long PAGE_BYTES = 2L * LAYERS * KV_HEADS * 64 * HEAD_DIM * Float.BYTES;

    private final List<Array> owned = new ArrayList<>();
    private final Description description;
    private final Weight embedding;
    private final List<Layer> layers = new ArrayList<>();
    private final Array finalNorm;
    private final Weight head;
    private final AttentionShape attention;

    private record Layer(Array norm, Weight qkv, Weight out, Array ffnNorm, Weight gateUp, Weight down) {}

    /** Makes it with no scope open. */
    TinyModel(long seed, int contextLength) {
        Random random = new Random(seed);
        description = new Description(
                "tiny",
                VOCABULARY,
                contextLength,
                Collections.nCopies(LAYERS, new KvLayer(KV_HEADS, HEAD_DIM, 0)),
                Dtype.FLOAT32,
                4L * VOCABULARY * HIDDEN,
                "float32");
        embedding = weight(random, VOCABULARY, HIDDEN);
        for (int i = 0; i < LAYERS; i++) {
            layers.add(new Layer(
                    norm(random, HIDDEN),
                    weight(random, (HEADS + 2 * KV_HEADS) * HEAD_DIM, HIDDEN),
                    weight(random, HIDDEN, HEADS * HEAD_DIM),
                    norm(random, HIDDEN),
                    weight(random, 2 * FFN, HIDDEN),
                    weight(random, HIDDEN, FFN)));
        }
        finalNorm = norm(random, HIDDEN);
        head = weight(random, VOCABULARY, HIDDEN);
        attention = new AttentionShape(
                HEADS,
                KV_HEADS,
                HEAD_DIM,
                (float) (1 / Math.sqrt(HEAD_DIM)),
                norm(random, HEAD_DIM),
                norm(random, HEAD_DIM),
                EPS,
                new AttentionShape.Rope(HEAD_DIM, 10_000, 1, null));
    }

    private Weight weight(Random random, int rows, int columns) {
        return new Weight.Dense(array(random, 0, (float) (2 / Math.sqrt(columns)), rows, columns), null);
    }

    private Array norm(Random random, int size) {
        return array(random, 1, 0.2f, size);
    }

    private Array array(Random random, float mean, float deviation, int... shape) {
        int size = 1;
        for (int dim : shape) {
            size *= dim;
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = mean + deviation * (float) random.nextGaussian();
        }
        Array array = Array.of(values, shape);
        owned.add(array);
        return array;
    }

    @Override
    public Description description() {
        return description;
    }

    @Override
    public Array forward(Array ids, KvStep kv, int[] logitRows) {
        Array x = Mlx.embedding(ids, embedding);
        for (int i = 0; i < LAYERS; i++) {
            Layer layer = layers.get(i);
            Array qkv = Mlx.linear(Mlx.rmsNorm(x, layer.norm, EPS), layer.qkv);
            x = Mlx.linear(kv.attend(i, qkv, attention), layer.out, x);
            Array up = Mlx.linear(Mlx.rmsNorm(x, layer.ffnNorm, EPS), layer.gateUp);
            x = Mlx.linear(Mlx.swiglu(up), layer.down, x);
        }
        return Mlx.linear(Mlx.rmsNorm(Mlx.rows(x, logitRows), finalNorm, EPS), head);
    }

    @Override
    public void close() {
        owned.forEach(Array::close);
    }
}
