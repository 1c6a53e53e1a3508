package io.vllmd.chat.guard;

import java.util.Arrays;

/**
 * For each period p up to a longest one, how many of the newest tokens each equal the token p before them. A token costs
 * as much as it has equals among the {@code longest} tokens before it, which is little unless it repeats.
 */
final class Periods {
    private static final int NONE = -1;

    private final int longest;
    private final LastPlaces last = new LastPlaces();

    private int[] tokens = new int[256];

    /** Where the same token stood before, or −1. */
    private int[] before = new int[256];

    private int size;

    /** Per period, the run of positions whose token equals the one p before: its first, and its newest; −1 = none. */
    private final int[] from;

    private final int[] to;

    /** Periods that the newest token continues, ascending. */
    private final int[] continued;

    private int count;

    Periods(int longest) {
        this.longest = longest;
        from = new int[longest + 1];
        to = new int[longest + 1];
        Arrays.fill(to, NONE);
        continued = new int[longest];
    }

    int size() {
        return size;
    }

    void add(int token) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * size);
            before = Arrays.copyOf(before, 2 * size);
        }
        tokens[size] = token;
        before[size] = last.replace(token, size);
        count = 0;
        for (int at = before[size]; at >= 0 && size - at <= longest; at = before[at]) {
            int p = size - at;
            if (to[p] != size - 1) {
                from[p] = size;
            }
            to[p] = size;
            continued[count++] = p;
        }
        size++;
    }

    void rollback(int n) {
        if (n < 0 || n > size) {
            throw new IllegalArgumentException(n + " tokens to take back of " + size);
        }
        int end = size - n;
        for (int at = size - 1; at >= end; at--) {
            last.replace(tokens[at], before[at]);
        }
        // Runs that one of them continued end before it, or were begun by it and are none.
        for (int at = end; at < size; at++) {
            for (int same = before[at]; same >= 0 && at - same <= longest; same = before[same]) {
                int p = at - same;
                if (to[p] >= end) {
                    to[p] = from[p] < end ? end - 1 : NONE;
                }
            }
        }
        // Runs that were forgotten for those.
        if (end > 0) {
            for (int same = before[end - 1]; same >= 0 && end - 1 - same <= longest; same = before[same]) {
                int p = end - 1 - same;
                if (to[p] != end - 1) {
                    remember(p, end);
                }
            }
        }
        size = end;
        count = 0;
    }

    private void remember(int p, int end) {
        int start = end - 1;
        while (start - 1 >= p && tokens[start - 1] == tokens[start - 1 - p]) {
            start--;
        }
        from[p] = start;
        to[p] = end - 1;
    }

    /** Of how many of the newest tokens p is the period: the p that came first, and those that repeat them; 0 = none. */
    int length(int p) {
        return size > 0 && to[p] == size - 1 ? size - from[p] + p : 0;
    }

    /** How many periods the token added last continues; 0 after a rollback. */
    int continued() {
        return count;
    }

    /** The i-th of them, ascending. */
    int continued(int i) {
        return continued[i];
    }

    /** The newest n tokens, fewer where there are no more. */
    int[] newest(int n) {
        return Arrays.copyOfRange(tokens, Math.max(0, size - n), size);
    }
}
