package io.vllmd.engine.cache;

import java.util.ArrayList;
import java.util.List;

/**
 * Pages of one prompt on their way from disk to the tree. Whoever asked for it waits until it is {@link #done}, looks the
 * prompt up, and then closes it: until then it holds the pages, so that none is lost before it is used. Belongs to the
 * MLX thread.
 */
public final class Promotion implements AutoCloseable {
    final PrefixKey key;

    /** The first page that is not asked for. */
    int end;

    /** The next page to be asked for. */
    int asked;

    /** The next page to be put into the tree. */
    int next;

    private final int first;
    private final Groups groups;
    private final List<int[]> held = new ArrayList<>();
    private boolean closed;

    Promotion(PrefixKey key, int first, int end, Groups groups) {
        this.key = key;
        this.first = first;
        this.asked = first;
        this.next = first;
        this.end = end;
        this.groups = groups;
    }

    /** Whether all there was to load is in the tree. */
    public boolean done() {
        return closed || next >= end;
    }

    /** Pages that were loaded. */
    public int pages() {
        return next - first;
    }

    void hold(int[] pages) {
        held.add(pages);
    }

    boolean closed() {
        return closed;
    }

    /** Nothing from this page on is to be had. */
    void endAt(int page) {
        end = Math.min(end, page);
    }

    /** Lets go of the pages; loads nothing more. Again, it does nothing. */
    @Override
    public void close() {
        closed = true;
        held.forEach(groups::release);
        held.clear();
    }
}
