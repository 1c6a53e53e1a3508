package io.vllmd.engine;

import java.util.ArrayList;
import java.util.List;

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
        for (long capacity = SMALLEST; ; capacity *= 2) {
            classes.add(new CapacityClass(classes.size(), (int) Math.min(capacity, most), layers));
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
     * A slot with room for so many tokens and a copy of the keys and values of {@code slot}. The old slot is to be
     * released only after the step that needs the copy was submitted: within a step nothing orders the copy's read
     * before a write to the same slot by its next owner.
     */
    KvSlot copy(KvSlot slot, int tokens, int batch) {
        KvSlot larger = take(tokens, batch);
        larger.home.copy(larger, slot);
        return larger;
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
