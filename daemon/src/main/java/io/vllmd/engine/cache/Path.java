package io.vllmd.engine.cache;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The nodes that a lookup passes, and how many of them may be used: windows want their last pages without a gap. */
final class Path {
    private final Groups groups;
    private final List<PrefixNode> nodes = new ArrayList<>();

    /** By group, how many of the last nodes have a page. */
    private final int[] unbroken;

    /** The largest number of nodes with which a request can go on. */
    private int usable;

    Path(Groups groups) {
        this.groups = groups;
        this.unbroken = new int[groups.count()];
    }

    int length() {
        return nodes.size();
    }

    void add(PrefixNode node) {
        nodes.add(node);
        for (int group = 0; group < unbroken.length; group++) {
            unbroken[group] = node.pages[group] == PageTable.NONE ? 0 : unbroken[group] + 1;
        }
        if (suffices(nodes.size() * PrefixTree.PAGE)) {
            usable = nodes.size();
        }
    }

    private boolean suffices(int tokens) {
        for (int group = 0; group < unbroken.length; group++) {
            if (unbroken[group] < nodes.size() - groups.firstSeen(group, tokens)) {
                return false;
            }
        }
        return true;
    }

    /** Whether a request can go on behind the first tokens of this node after all others; then it will do so. */
    boolean reaches(PrefixNode partial, int tokens) {
        boolean reaches = suffices(nodes.size() * PrefixTree.PAGE + tokens);
        for (int page : partial.pages) {
            reaches &= page != PageTable.NONE;
        }
        if (reaches) {
            usable = nodes.size();
        }
        return reaches;
    }

    /** The last usable node, where there is one. */
    PrefixNode last() {
        return nodes.get(usable - 1);
    }

    /** Retains what a request sees that goes on so many tokens behind the usable nodes. */
    List<int[]> retain(int behind) {
        List<int[]> pages = new ArrayList<>(usable);
        int[] first = new int[unbroken.length];
        Arrays.setAll(first, group -> groups.firstSeen(group, usable * PrefixTree.PAGE + behind));
        for (int i = 0; i < usable; i++) {
            pages.add(groups.retainSeen(nodes.get(i), i, first));
        }
        return pages;
    }
}
