package io.vllmd.engine.cache;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The pools of a tree's layer groups, which of them have windows, and what of the tree's pages could be freed. */
final class Groups {
    private final List<PagePool> pools;
    private final int[] windows;
    private final boolean anyWindow;

    /** Groups without a window. */
    private final int full;

    private long tick;
    private final IdleList idleNodes = new IdleList(() -> tick++);
    private final IdleList idleWindowPages = new IdleList(() -> tick++);
    private int kept;

    Groups(List<PagePool> pools, int[] windows) {
        if (pools.size() != windows.length) {
            throw new IllegalArgumentException(windows.length + " windows for " + pools.size() + " groups");
        }
        this.pools = List.copyOf(pools);
        this.windows = windows.clone();
        this.full = (int) Arrays.stream(windows).filter(window -> window == 0).count();
        this.anyWindow = full < windows.length;
    }

    int count() {
        return windows.length;
    }

    boolean haveWindows() {
        return anyWindow;
    }

    IdleList idleNodes() {
        return idleNodes;
    }

    /** Pages that the tree holds. */
    int kept() {
        return kept;
    }

    /** The first page that is seen from position {@code tokens} on. */
    int firstSeen(int group, int tokens) {
        return windows[group] == 0 ? 0 : Math.max(0, tokens - windows[group] + 1) / PrefixTree.PAGE;
    }

    /** Entry {@code index} of every table. */
    static int[] pages(List<PageTable> tables, int index) {
        int[] pages = new int[tables.size()];
        for (int group = 0; group < pages.length; group++) {
            pages[group] = tables.get(group).get(index);
        }
        return pages;
    }

    /** Whether a node can be made of these pages. */
    boolean suffice(int[] pages) {
        for (int group = 0; group < pages.length; group++) {
            if (pages[group] == PageTable.NONE && windows[group] == 0) {
                return false;
            }
        }
        return true;
    }

    PrefixNode node(PrefixNode parent, PageContent content) {
        return new PrefixNode(parent.scope, parent, content, noPages(), full, anyWindow, idleNodes);
    }

    /** −1 for every group. */
    int[] noPages() {
        int[] none = new int[windows.length];
        Arrays.fill(none, PageTable.NONE);
        return none;
    }

    /** Gives a new node its pages, which somebody holds. */
    void fill(PrefixNode node, int[] pages) {
        for (int group = 0; group < pages.length; group++) {
            if (pages[group] != PageTable.NONE) {
                give(node, group, pages[group]);
            }
        }
    }

    /** Gives a node pages that it lacks. */
    void complete(PrefixNode node, int[] pages) {
        if (anyWindow) {
            for (int group = 0; group < pages.length; group++) {
                if (node.pages[group] == PageTable.NONE && pages[group] != PageTable.NONE) {
                    give(node, group, pages[group]);
                }
            }
        }
    }

    private void give(PrefixNode node, int group, int page) {
        PagePool pool = pools.get(group);
        pool.retain(page);
        if (windows[group] == 0) {
            pool.watch(page, node);
        } else {
            WindowPage window = new WindowPage(node, group, idleWindowPages);
            node.windowPage(group, window);
            pool.watch(page, window);
        }
        node.pages[group] = page;
        node.shared();
        kept++;
    }

    /** Its pages' holders come and go without it being told from now on. */
    void unwatch(PrefixNode node) {
        for (int group = 0; group < node.pages.length; group++) {
            if (node.pages[group] != PageTable.NONE) {
                pools.get(group).unwatch(node.pages[group]);
            }
        }
    }

    /** Takes a node's pages from it; they are no longer watched. */
    void empty(PrefixNode node) {
        for (int group = 0; group < node.pages.length; group++) {
            WindowPage window = node.windowPage(group);
            if (window != null) {
                idleWindowPages.remove(window);
            }
            take(node, group);
        }
    }

    /** Takes one page from a node that stays. */
    void drop(WindowPage page) {
        idleWindowPages.remove(page);
        pools.get(page.group).unwatch(page.node.pages[page.group]);
        take(page.node, page.group);
    }

    private void take(PrefixNode node, int group) {
        int page = node.pages[group];
        if (page != PageTable.NONE) {
            node.pages[group] = PageTable.NONE;
            if (windows[group] > 0) {
                node.windowPage(group, null);
            }
            pools.get(group).release(page);
            kept--;
        }
    }

    /** What was let go of longest ago, or null. */
    @Nullable
    Idle oldest() {
        Idle node = idleNodes.oldest();
        Idle page = idleWindowPages.oldest();
        if (node == null || page == null) {
            return node == null ? page : node;
        }
        return page.since < node.since ? page : node;
    }

    int evictable() {
        return idleNodes.pages() + idleWindowPages.pages();
    }

    /** Retains the pages that a node has. */
    int[] retain(PrefixNode node) {
        for (int group = 0; group < node.pages.length; group++) {
            if (node.pages[group] != PageTable.NONE) {
                pools.get(group).retain(node.pages[group]);
            }
        }
        return node.pages.clone();
    }

    /** Retains the pages of node {@code index} in the groups whose first seen page is not behind it. */
    int[] retainSeen(PrefixNode node, int index, int[] first) {
        int[] pages = node.pages.clone();
        for (int group = 0; group < pages.length; group++) {
            if (index >= first[group]) {
                pools.get(group).retain(pages[group]);
            } else {
                pages[group] = PageTable.NONE;
            }
        }
        return pages;
    }

    void release(int[] pages) {
        for (int group = 0; group < pages.length; group++) {
            if (pages[group] != PageTable.NONE) {
                pools.get(group).release(pages[group]);
            }
        }
    }
}
