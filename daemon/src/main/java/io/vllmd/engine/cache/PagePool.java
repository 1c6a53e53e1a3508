package io.vllmd.engine.cache;

import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * The page ids of one layer group and how many hold each. An id stands for 64 positions in every layer of the group.
 * Not thread-safe: it belongs to the MLX thread.
 */
public final class PagePool {

    /** Told when a page it watches gets a second holder and when it is down to one again. */
    interface Watcher {
        void shared();

        void alone();
    }

    private int limit;
    private int used;
    private int highest;
    private int[] references = new int[64];
    private @Nullable Watcher[] watchers = new @Nullable Watcher[64];

    /** Ids below {@link #highest} that nobody holds. */
    private final BitSet free = new BitSet();

    /** Of the free ids, those whose memory is the system's again. */
    private final BitSet trimmed = new BitSet();

    /** @param limit most pages held at once */
    public PagePool(int limit) {
        limit(limit);
    }

    /**
     * A page with one reference, the lowest free id first, so that arenas stay as small as their use.
     *
     * @return −1 where as many are held as the limit allows
     */
    public int take() {
        if (used >= limit) {
            return -1;
        }
        int page = free.nextSetBit(0);
        if (page >= 0) {
            free.clear(page);
            trimmed.clear(page);
        } else {
            page = highest++;
            if (page == references.length) {
                references = Arrays.copyOf(references, page * 2);
                watchers = Arrays.copyOf(watchers, page * 2);
            }
        }
        references[page] = 1;
        used++;
        return page;
    }

    /** One holder more of a page that has one. */
    public void retain(int page) {
        held(page);
        int count = ++references[page];
        Watcher watcher = watchers[page];
        if (count == 2 && watcher != null) {
            watcher.shared();
        }
    }

    /** One holder less; with the last one gone the page is free. */
    public void release(int page) {
        held(page);
        int count = --references[page];
        Watcher watcher = watchers[page];
        if (count == 1 && watcher != null) {
            watcher.alone();
        } else if (count == 0) {
            if (watcher != null) {
                throw new IllegalStateException("page " + page + " was released by somebody who did not hold it");
            }
            free.set(page);
            used--;
        }
    }

    /** How many hold a page; 0 for a free one. */
    public int references(int page) {
        return page < highest ? references[page] : 0;
    }

    /** Pages that somebody holds. */
    public int used() {
        return used;
    }

    /** Pages that can be taken; below 0 where the limit was lowered under what is held. */
    public int free() {
        return limit - used;
    }

    /** Free pages that were used and whose memory nobody gave back. */
    public int idle() {
        return free.cardinality() - trimmed.cardinality();
    }

    /**
     * Chooses {@link #idle} pages for their memory to be given back, the highest ids first, since low ones are taken first.
     *
     * @param keep so many stay as they are
     */
    public int[] trim(int keep) {
        BitSet idle = (BitSet) free.clone();
        idle.andNot(trimmed);
        for (int kept = 0, page = idle.nextSetBit(0); kept < keep && page >= 0; kept++, page = idle.nextSetBit(page)) {
            idle.clear(page);
        }
        trimmed.or(idle);
        return idle.stream().toArray();
    }

    /** One more than the highest id ever taken: so many pages the arenas must have. */
    public int highest() {
        return highest;
    }

    /** Changes the limit; what is held above it stays until it is released. */
    public void limit(int pages) {
        if (pages < 0) {
            throw new IllegalArgumentException("a pool of " + pages + " pages");
        }
        limit = pages;
    }

    public int limit() {
        return limit;
    }

    void watch(int page, Watcher watcher) {
        held(page);
        if (watchers[page] != null) {
            throw new IllegalStateException("page " + page + " stands for two things");
        }
        watchers[page] = watcher;
    }

    void unwatch(int page) {
        watchers[page] = null;
    }

    private void held(int page) {
        if (page < 0 || page >= highest || references[page] == 0) {
            throw new IllegalStateException("page " + page + " is held by nobody");
        }
    }
}
