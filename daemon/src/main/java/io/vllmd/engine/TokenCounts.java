package io.vllmd.engine;

import java.util.Arrays;

/**
 * Two counts for each of some tokens; tokens whose counts are both 0 take no room. Open addressing, so that counting a
 * token allocates nothing.
 */
final class TokenCounts {
    private static final int EMPTY = -1;

    private int[] ids;
    private int[] generated;
    private int[] repeats;
    private int size;

    TokenCounts() {
        this(16);
    }

    private TokenCounts(int capacity) {
        ids = new int[capacity];
        Arrays.fill(ids, EMPTY);
        generated = new int[capacity];
        repeats = new int[capacity];
    }

    /** Sees each token that has a count. */
    interface Visitor {
        void visit(int id, int generated, int repeats);
    }

    /** Tokens that have a count. */
    int size() {
        return size;
    }

    /** Adds to a token's counts; neither falls below 0. */
    void add(int id, int moreGenerated, int moreRepeats) {
        int at = find(id);
        if (ids[at] == EMPTY) {
            ids[at] = id;
            size++;
        }
        generated[at] += moreGenerated;
        repeats[at] += moreRepeats;
        if (generated[at] < 0 || repeats[at] < 0) {
            throw new IllegalStateException("token " + id + " was taken back more often than it was counted");
        }
        if (generated[at] == 0 && repeats[at] == 0) {
            remove(at);
        } else if (2 * size > ids.length) {
            grow();
        }
    }

    void forEach(Visitor visitor) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] != EMPTY) {
                visitor.visit(ids[i], generated[i], repeats[i]);
            }
        }
    }

    private int home(int id) {
        // Fibonacci hashing: ids of neighbours, as digits or letters have, are spread.
        return (id * 0x9e3779b9) >>> Integer.numberOfLeadingZeros(ids.length - 1);
    }

    private int find(int id) {
        int at = home(id);
        while (ids[at] != EMPTY && ids[at] != id) {
            at = (at + 1) & (ids.length - 1);
        }
        return at;
    }

    /** Moves those up that were pushed on by the one that goes, or they would not be found any more. */
    private void remove(int gap) {
        int mask = ids.length - 1;
        int free = gap;
        for (int at = (gap + 1) & mask; ids[at] != EMPTY; at = (at + 1) & mask) {
            if (((at - home(ids[at])) & mask) >= ((at - free) & mask)) {
                ids[free] = ids[at];
                generated[free] = generated[at];
                repeats[free] = repeats[at];
                free = at;
            }
        }
        ids[free] = EMPTY;
        generated[free] = 0;
        repeats[free] = 0;
        size--;
    }

    private void grow() {
        TokenCounts larger = new TokenCounts(2 * ids.length);
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] != EMPTY) {
                int at = larger.find(ids[i]);
                larger.ids[at] = ids[i];
                larger.generated[at] = generated[i];
                larger.repeats[at] = repeats[i];
            }
        }
        ids = larger.ids;
        generated = larger.generated;
        repeats = larger.repeats;
    }
}
