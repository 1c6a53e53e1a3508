package io.vllmd.engine;

import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.KvArena;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The slots of one capacity: per layer one arena, right padded. Taking a slot only counts it; a layer's arena is made,
 * or made larger, by {@link #grow} ahead of need, else at the layer's first use. Until then a layer goes on with its
 * smaller arena, so layers may differ in slots for some steps.
 */
final class CapacityClass {
    final int order;
    final int capacity;

    private final @Nullable Geometry[] geometry;
    private final @Nullable KvArena[] arenas;
    private @Nullable KvSlot[] slots = new @Nullable KvSlot[0];
    private int live;
    private long bytes;

    /** What a layer's arenas look like in every class; learnt when the model first uses the layer. */
    record Geometry(int kvHeads, int headDim, Dtype dtype) {}

    /** @param geometry one a layer, shared by all classes of a cache */
    CapacityClass(int order, int capacity, @Nullable Geometry[] geometry) {
        this.order = order;
        this.capacity = capacity;
        this.geometry = geometry;
        this.arenas = new @Nullable KvArena[geometry.length];
    }

    /** The lowest free slot; doubles their number where none is free, up to {@code most} and one more in any case. */
    KvSlot take(int most) {
        int free = 0;
        while (free < slots.length && slots[free] != null) {
            free++;
        }
        if (free == slots.length) {
            slots = Arrays.copyOf(slots, Math.max(slots.length + 1, Math.min(2 * slots.length, most)));
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

    /** Whether a step can use the slot without an arena having to be made. */
    boolean ready(int index) {
        for (int i = 0; i < arenas.length; i++) {
            KvArena arena = arenas[i];
            if (geometry[i] != null && (arena == null || arena.slots() <= index)) {
                return false;
            }
        }
        return true;
    }

    /** Makes room for all slots layer by layer, at least in one layer, until the time given has come. */
    void grow(long untilNanos) {
        for (int i = 0; i < arenas.length; i++) {
            Geometry shape = geometry[i];
            KvArena arena = arenas[i];
            if (shape != null && (arena == null || arena.slots() < slots.length)) {
                make(i, shape, arena);
                if (System.nanoTime() - untilNanos >= 0) {
                    return;
                }
            }
        }
    }

    /** The layer's arena with the slot in it, or null where it is yet to be made. */
    @Nullable
    KvArena arena(int layer, int index) {
        KvArena arena = arenas[layer];
        return arena != null && arena.slots() > index ? arena : null;
    }

    /** Makes the layer's arena with room for every slot. */
    KvArena make(int layer, Geometry shape) {
        geometry[layer] = shape;
        return make(layer, shape, arenas[layer]);
    }

    private KvArena make(int layer, Geometry shape, @Nullable KvArena smaller) {
        KvArena arena = KvArena.allocate(slots.length, shape.kvHeads, capacity, shape.headDim, shape.dtype);
        if (smaller != null) {
            try {
                for (int i = 0; i < smaller.slots(); i++) {
                    KvSlot slot = slots[i];
                    if (slot != null && slot.length > 0) {
                        arena.copySlot(i, smaller, i, slot.length);
                    }
                }
            } catch (RuntimeException e) {
                arena.close();
                throw e;
            }
            // The copies, not yet evaluated, hold what they read of the smaller one.
            bytes -= smaller.nbytes();
            smaller.close();
        }
        bytes += arena.nbytes();
        arenas[layer] = arena;
        return arena;
    }

    /** Copies all that {@code from} has written to {@code to}, a slot of this class. */
    void copy(KvSlot to, KvSlot from) {
        for (int i = 0; i < arenas.length; i++) {
            KvArena source = from.home.arenas[i];
            Geometry shape = geometry[i];
            if (source != null && shape != null) {
                KvArena arena = arena(i, to.index);
                (arena == null ? make(i, shape) : arena).copySlot(to.index, source, from.index, from.length);
            }
        }
        to.length = from.length;
    }

    long nbytes() {
        return bytes;
    }

    /** Frees the arenas and forgets all slots. */
    void clear() {
        for (int i = 0; i < arenas.length; i++) {
            KvArena arena = arenas[i];
            arenas[i] = null;
            if (arena != null) {
                arena.close();
            }
        }
        slots = new @Nullable KvSlot[0];
        live = 0;
        bytes = 0;
    }
}
