package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.model.KvStep;
import io.vllmd.model.LanguageModel;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/** A model that counts its forward passes and does something before each. */
final class HookedModel implements LanguageModel {
    private final LanguageModel model;
    final AtomicInteger forwards = new AtomicInteger();
    volatile int lastRows;
    final AtomicInteger rows = new AtomicInteger();

    /** Called with the number of this pass, from 1, on the MLX thread. */
    volatile IntConsumer before = pass -> {};

    /** Called with the number of this pass once its graph is built. */
    volatile IntConsumer after = pass -> {};

    HookedModel(LanguageModel model) {
        this.model = model;
    }

    @Override
    public Description description() {
        return model.description();
    }

    @Override
    public Array forward(Array ids, KvStep kv, int[] logitRows) {
        int pass = forwards.incrementAndGet();
        lastRows = ids.dim(0);
        rows.addAndGet(lastRows);
        before.accept(pass);
        Array logits = model.forward(ids, kv, logitRows);
        after.accept(pass);
        return logits;
    }

    @Override
    public void close() {
        model.close();
    }
}
