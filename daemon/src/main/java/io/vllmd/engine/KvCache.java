package io.vllmd.engine;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The KV cache of one model: slots in arenas by capacity class (512, 1,024, 2,048, … up to the context). A sequence
 * starts in the class that it likely needs and moves up, at the price of one copy, when it outgrows it.
 */
final class KvCache {
    private static final int SMALLEST = 512;

    /** Capacities are multiples of this: CUDA's attention wants it. */
    private static final int MULTIPLE = 256;

    /** Arenas that no sequence uses are kept for the next one while the whole cache is not larger than this. */
    private static final long KEPT_BYTES = 64L << 20;

    private final List<CapacityClass> classes = new ArrayList<>();

    KvCache(int layers, int contextLength) {
        int most = Math.ceilDiv(contextLength, MULTIPLE) * MULTIPLE;
        CapacityClass.@Nullable Geometry[] geometry = new CapacityClass.@Nullable Geometry[layers];
        for (long capacity = SMALLEST; ; capacity *= 2) {
            classes.add(new CapacityClass(classes.size(), (int) Math.min(capacity, most), geometry));
            if (capacity >= most) {
                return;
            }
        }
    }

    /** A slot with room for so many tokens; {@code batch} bounds how far a class grows ahead of need. */
    KvSlot take(int tokens, int batch) {
        for (CapacityClass each : classes) {
            if (each.capacity >= tokens) {
                return each.take(batch);
            }
        }
        throw new IllegalArgumentException(tokens + " tokens exceed the largest slot of " + classes.getLast().capacity);
    }

    /**
     * Gives a slot back. Steps in flight may still write to it; they were submitted before whatever its next owner
     * submits, and one stream runs both in that order, so the next owner never reads a stranger's keys.
     */
    void release(KvSlot slot) {
        CapacityClass home = slot.home;
        home.release(slot);
        if (home.live() == 0 && nbytes() > KEPT_BYTES) {
            home.clear();
        }
    }

    /** Frees everything; whoever still has a slot must take a new one and write it again. */
    void clear() {
        classes.forEach(CapacityClass::clear);
    }

    long nbytes() {
        long bytes = 0;
        for (CapacityClass each : classes) {
            bytes += each.nbytes();
        }
        return bytes;
    }
}
