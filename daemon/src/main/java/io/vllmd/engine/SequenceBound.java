package io.vllmd.engine;

import io.vllmd.engine.cache.PagePool;
import io.vllmd.engine.cache.PageTable;
import java.util.List;

/**
 * What a sequence no longer sees is given back: pages behind a layer's sliding window, and, where the cache of a sequence
 * is bounded, pages behind the bound but for the first ones, which attention leans on however far away they are (Xiao et
 * al. 2023, attention sinks).
 */
final class SequenceBound {
    /** Oldest positions that a bounded sequence keeps. */
    static final int SINKS = 4;

    private SequenceBound() {}

    /** Newest positions that a row sees: of a layer's window and the bound, 0 = none, the smaller. */
    static int window(int window, int bound) {
        return window == 0 ? bound : bound == 0 ? window : Math.min(window, bound);
    }

    /** Whether pages that the sequence has written are gone, so that others cannot share what came after them. */
    static boolean dropped(Sequence sequence) {
        for (PageTable each : sequence.tables) {
            // The first page may be kept as a sink; the second is the first to go.
            if (each.length() > 0 && each.get(Math.min(1, each.length() - 1)) < 0) {
                return true;
            }
        }
        return false;
    }

    /** Gives back the pages that no later row will see. */
    static void dropPassed(KvCache cache, Sequence sequence, int bound) {
        List<KvCache.Group> groups = cache.groups();
        for (int i = 0; i < groups.size(); i++) {
            int window = window(groups.get(i).window(), bound);
            if (window == 0) {
                continue;
            }
            PageTable table = sequence.tables.get(i);
            PagePool pool = groups.get(i).pool();
            // What was only guessed may have to be written again.
            int certain = Math.min(sequence.written, sequence.known());
            int firstSeen = Math.max(0, certain - window + 1) / KvCache.PAGE;
            int from = groups.get(i).window() == 0 ? 1 : 0;
            for (int page = firstSeen - 1; page >= from && table.get(page) >= 0; page--) {
                table.drop(page, pool);
            }
        }
    }
}
