package io.vllmd.engine;

import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.KvArena;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The slots of one capacity: per layer one arena, right padded. A layer's arena is made at that layer's first use, with
 * the geometry and dtype that the model shows there, and grows when it is next used after slots were added; so nothing
 * is allocated that no layer needs, and growth holds only one layer's old arena beside its new one.
 */
final class CapacityClass {
    final int order;
    final int capacity;

    private final @Nullable Layer[] layers;
    private @Nullable KvSlot[] slots = new @Nullable KvSlot[0];
    private int live;
    private long bytes;

    /** A layer's arena, and what a larger one needs to know. */
    private record Layer(KvArena arena, int kvHeads, int headDim, Dtype dtype) {}

    CapacityClass(int order, int capacity, int layers) {
        this.order = order;
        this.capacity = capacity;
        this.layers = new @Nullable Layer[layers];
    }

    /** The lowest free slot; doubles their number where none is free, up to {@code most} and one more in any case. */
    KvSlot take(int most) {
        int free = 0;
        while (free < slots.length && slots[free] != null) {
            free++;
        }
        if (free == slots.length) {
            int wanted = Math.max(slots.length + 1, Math.min(2 * slots.length, most));
            slots = Arrays.copyOf(slots, wanted);
        }
        KvSlot slot = new KvSlot(this, free);
        slots[free] = slot;
        live++;
        return slot;
    }

    void release(KvSlot slot) {
        if (slots[slot.index] == slot) {
            slots[slot.index] = null;
            live--;
        }
    }

    int live() {
        return live;
    }

    /** The layer's arena with room for every slot. */
    KvArena arena(int layer, int kvHeads, int headDim, Dtype dtype) {
        Layer known = layers[layer];
        if (known != null && known.arena.slots() >= slots.length) {
            return known.arena;
        }
        KvArena arena = KvArena.allocate(slots.length, kvHeads, capacity, headDim, dtype);
        if (known != null) {
            try {
                for (int i = 0; i < known.arena.slots(); i++) {
                    KvSlot slot = slots[i];
                    if (slot != null && slot.length > 0) {
                        arena.copySlot(i, known.arena, i, slot.length);
                    }
                }
            } catch (RuntimeException e) {
                arena.close();
                throw e;
            }
            // The copies, not yet evaluated, hold what they read of the old arena.
            bytes -= known.arena.nbytes();
            known.arena.close();
        }
        bytes += arena.nbytes();
        layers[layer] = new Layer(arena, kvHeads, headDim, dtype);
        return arena;
    }

    /** The layer's arena where it exists already: spares a look at the rows' dtype in every step. */
    @Nullable
    KvArena arenaIfReady(int layer) {
        Layer known = layers[layer];
        return known != null && known.arena.slots() >= slots.length ? known.arena : null;
    }

    /** Copies all that {@code from} has written to {@code to}, a slot of this class. */
    void copy(KvSlot to, KvSlot from) {
        for (int i = 0; i < layers.length; i++) {
            Layer source = from.home.layers[i];
            if (source != null) {
                arena(i, source.kvHeads, source.headDim, source.dtype)
                        .copySlot(to.index, source.arena, from.index, from.length);
            }
        }
        to.length = from.length;
    }

    long nbytes() {
        return bytes;
    }

    /** Frees the arenas and forgets all slots. */
    void clear() {
        for (int i = 0; i < layers.length; i++) {
            Layer layer = layers[i];
            layers[i] = null;
            if (layer != null) {
                layer.arena.close();
            }
        }
        slots = new @Nullable KvSlot[0];
        live = 0;
        bytes = 0;
    }
}
