package io.vllmd.engine.cache;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Idle elements, from the one let go of longest ago. */
final class IdleList {
    private final LongSupplier ticks;
    private @Nullable Idle oldest;
    private @Nullable Idle newest;
    private int pages;

    /** @param ticks a number larger than the last at every call */
    IdleList(LongSupplier ticks) {
        this.ticks = ticks;
    }

    @Nullable
    Idle oldest() {
        return oldest;
    }

    /** The weight of all elements. */
    int pages() {
        return pages;
    }

    void add(Idle element) {
        element.listed = true;
        element.since = ticks.getAsLong();
        element.older = newest;
        if (newest == null) {
            oldest = element;
        } else {
            newest.newer = element;
        }
        newest = element;
        pages += element.weight();
    }

    /** Does nothing where it is not in the list. */
    void remove(Idle element) {
        if (!element.listed) {
            return;
        }
        if (element.older == null) {
            oldest = element.newer;
        } else {
            element.older.newer = element.newer;
        }
        if (element.newer == null) {
            newest = element.older;
        } else {
            element.newer.older = element.older;
        }
        element.older = null;
        element.newer = null;
        element.listed = false;
        pages -= element.weight();
    }
}
