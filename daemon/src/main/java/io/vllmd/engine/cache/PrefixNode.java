package io.vllmd.engine.cache;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One page of content after what its ancestors hold; a partial one has no children. It is busy while somebody beside
 * the tree holds one of its pages or one of its children is busy, else it waits among the idle ones, behind its
 * children: the node that is idle for the longest is always a leaf.
 */
final class PrefixNode extends Idle implements PagePool.Watcher {
    final String scope;

    /** Null for the root of a scope. */
    final @Nullable PrefixNode parent;

    final PageContent content;

    /** Which page of its prompt it is, from 0; −1 for a root. */
    final int index;

    /** By group; {@link PageTable#NONE} only in a group with a window. */
    final int[] pages;

    /** Of the groups with a window, those whose page is there; no array where there are no such groups. */
    private final @Nullable WindowPage[] windowPages;

    /** No two children begin alike all the way: what is the beginning of a sibling is dropped for it. */
    private final TreeMap<PageContent, PrefixNode> children = new TreeMap<>();

    private final IdleList idle;
    private final int weight;

    /** Pages with other holders, and busy children. */
    private int busy;

    /** No longer in the tree. */
    boolean detached;

    /** On its way to the disk. */
    Saving saving = Saving.NOT;

    private @Nullable ChainDigest digest;

    enum Saving {
        NOT,
        /** It waits for its page to be copied out. */
        QUEUED,
        /** A copy is being written. */
        SENT
    }

    /**
     * @param weight its pages in groups without a window
     * @param windows whether there are groups with one
     */
    PrefixNode(
            String scope,
            @Nullable PrefixNode parent,
            PageContent content,
            int[] pages,
            int weight,
            boolean windows,
            IdleList idle) {
        this.scope = scope;
        this.parent = parent;
        this.content = content;
        this.pages = pages;
        this.weight = weight;
        this.index = parent == null ? -1 : parent.index + 1;
        this.windowPages = new @Nullable WindowPage[windows ? pages.length : 0];
        this.idle = idle;
    }

    /** The root of a scope. */
    static PrefixNode root(String scope, ChainDigest digest, IdleList idle) {
        PrefixNode root = new PrefixNode(scope, null, PageContent.NOTHING, new int[0], 0, false, idle);
        root.digest = digest;
        return root;
    }

    /** Of the chain that ends here. */
    ChainDigest digest() {
        Deque<PrefixNode> without = new ArrayDeque<>();
        PrefixNode node = this;
        while (node.digest == null) {
            without.push(node);
            node = Objects.requireNonNull(node.parent, "a root has a digest");
        }
        ChainDigest last = node.digest;
        for (PrefixNode each : without) {
            last = last.next(each.content);
            each.digest = last;
        }
        return last;
    }

    @Override
    int weight() {
        return weight;
    }

    @Nullable
    PrefixNode child(PageContent page) {
        return children.get(page);
    }

    /** The child with the most leading positions in common; null where no child has any. */
    @Nullable
    PrefixNode nearest(PageContent page) {
        PrefixNode before = value(children.floorEntry(page));
        PrefixNode after = value(children.ceilingEntry(page));
        int shared = before == null ? 0 : before.content.common(page);
        if (after != null && after.content.common(page) > shared) {
            return after;
        }
        return shared > 0 ? before : null;
    }

    /** The child that this page is the beginning of, or all of. */
    @Nullable
    PrefixNode covering(PageContent page) {
        PrefixNode after = value(children.ceilingEntry(page));
        return after != null && page.isPrefixOf(after.content) ? after : null;
    }

    /** The child that is no more than the beginning of this page. */
    @Nullable
    PrefixNode coveredBy(PageContent page) {
        PrefixNode before = value(children.floorEntry(page));
        return before != null && before.content.isPrefixOf(page) ? before : null;
    }

    private static @Nullable PrefixNode value(Map.@Nullable Entry<PageContent, PrefixNode> entry) {
        return entry == null ? null : entry.getValue();
    }

    Iterable<PrefixNode> children() {
        return children.values();
    }

    boolean isLeaf() {
        return children.isEmpty();
    }

    @Nullable
    WindowPage windowPage(int group) {
        return windowPages.length == 0 ? null : windowPages[group];
    }

    void windowPage(int group, @Nullable WindowPage page) {
        windowPages[group] = page;
    }

    void attach(PrefixNode to) {
        to.children.put(content, this);
        idle.add(this);
        // So that idle ancestors stand behind it.
        to.shared();
        to.alone();
    }

    /** Leaves its parent; its pages are no longer watched by then. */
    void detach(PrefixNode from) {
        from.children.remove(content);
        detached = true;
        if (busy > 0) {
            from.alone();
        } else {
            idle.remove(this);
        }
    }

    @Override
    public void shared() {
        // Up the tree in a loop: a chain may be thousands of nodes long.
        for (PrefixNode node = this; node != null && node.busy++ == 0; node = node.parent) {
            node.idle.remove(node);
        }
    }

    @Override
    public void alone() {
        for (PrefixNode node = this; node != null && --node.busy == 0; node = node.parent) {
            if (node.parent != null) {
                node.idle.add(node);
            }
        }
    }
}
