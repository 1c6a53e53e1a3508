package io.vllmd.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * The memory that the KV caches of all lanes share, in bytes. What nobody runs on is given up for whoever needs it,
 * whichever lane holds it. Belongs to the MLX thread.
 */
final class KvBudget {
    /** Pages that another lane gives up are given back so many at a time. */
    private static final int BATCH = 16;

    private final List<KvCache> caches = new ArrayList<>();
    private long limit;

    KvBudget(long limit) {
        this.limit = limit;
    }

    void add(KvCache cache) {
        caches.add(cache);
    }

    void remove(KvCache cache) {
        caches.remove(cache);
    }

    /** Changes the limit; prefixes above it are dropped, and no free page keeps its memory. */
    void limit(long bytes) {
        boolean less = bytes < limit;
        limit = bytes;
        if (less) {
            for (KvCache each : caches) {
                each.evict(used() - limit);
                each.trim(0);
            }
        }
    }

    long limit() {
        return limit;
    }

    /** Bytes that pages hold. */
    long used() {
        long bytes = 0;
        for (KvCache each : caches) {
            bytes += each.nbytes();
        }
        return bytes;
    }

    /** Bytes that could be had: free ones and those of cached prefixes that nobody runs on. */
    long available() {
        long bytes = limit - used();
        for (KvCache each : caches) {
            bytes += each.evictableBytes();
        }
        return bytes;
    }

    /**
     * Makes room for so many bytes, at the cost of prefixes cached in this lane first, then in others.
     *
     * @return whether there is room now
     */
    boolean makeRoom(long bytes, KvCache asking) {
        long missing = used() + bytes - limit;
        if (missing > 0) {
            missing -= asking.evict(missing);
        }
        for (int i = 0; missing > 0 && i < caches.size(); i++) {
            if (caches.get(i) != asking) {
                KvCache other = caches.get(i);
                missing -= other.evict(missing);
                // Its lane may have no turn for long.
                other.trim(BATCH * other.pageBytes());
            }
        }
        return missing <= 0;
    }
}
