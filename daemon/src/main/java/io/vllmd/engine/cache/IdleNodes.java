package io.vllmd.engine.cache;

import org.jspecify.annotations.Nullable;

/**
 * Nodes that nobody uses, from the one unused for the longest. A node is idle only while all its children are, and
 * becomes so after them: the first one is always a leaf.
 */
final class IdleNodes {
    private @Nullable PrefixNode oldest;
    private @Nullable PrefixNode newest;
    private int pages;

    @Nullable
    PrefixNode oldest() {
        return oldest;
    }

    /** Pages of all of them. */
    int pages() {
        return pages;
    }

    void add(PrefixNode node) {
        if (node.parent == null) {
            return;
        }
        node.older = newest;
        if (newest == null) {
            oldest = node;
        } else {
            newest.newer = node;
        }
        newest = node;
        pages += node.pages.length;
    }

    void remove(PrefixNode node) {
        if (node.parent == null) {
            return;
        }
        if (node.older == null) {
            oldest = node.newer;
        } else {
            node.older.newer = node.newer;
        }
        if (node.newer == null) {
            newest = node.older;
        } else {
            node.newer.older = node.older;
        }
        node.older = null;
        node.newer = null;
        pages -= node.pages.length;
    }
}
