package io.vllmd.chat.tokenizer;

import java.util.Arrays;

/**
 * The merge table of a byte-level BPE and its application to one word: as long as a neighbouring pair has a merge, the
 * pair of the lowest rank, the leftmost of equals, becomes one token.
 */
final class BytePairMerges {
    private static final int NO_MERGE = Integer.MAX_VALUE;
    /** Up to here looking through all pairs for each merge is faster than keeping a queue. */
    private static final int SHORT_WORD = 40;

    private final int[] byteIds;
    /** (left id, right id) to (rank, id of the merged token), each pair as high and low half. */
    private final LongMap merges;

    /**
     * @param byteIds the token id of each byte, -1 for one that the vocabulary lacks; such bytes are dropped, as in
     *     the reference implementation
     */
    BytePairMerges(int[] byteIds, LongMap merges) {
        this.byteIds = byteIds;
        this.merges = merges;
    }

    static long pair(int high, int low) {
        return (long) high << 32 | low;
    }

    /** The token ids of a word. */
    int[] encode(byte[] word) {
        int[] ids = new int[word.length];
        int n = 0;
        for (byte b : word) {
            int id = byteIds[b & 0xff];
            if (id >= 0) {
                ids[n++] = id;
            }
        }
        return Arrays.copyOf(ids, n <= SHORT_WORD ? mergeShort(ids, n) : mergeLong(ids, n));
    }

    private int rank(int left, int right) {
        long merge = merges.get(pair(left, right));
        return merge == LongMap.ABSENT ? NO_MERGE : (int) (merge >>> 32);
    }

    private int merged(int left, int right) {
        return (int) merges.get(pair(left, right));
    }

    private int mergeShort(int[] ids, int count) {
        int n = count;
        int[] ranks = new int[n];
        Arrays.fill(ranks, NO_MERGE);
        for (int i = 0; i + 1 < n; i++) {
            ranks[i] = rank(ids[i], ids[i + 1]);
        }
        while (n > 1) {
            int best = 0;
            for (int i = 1; i + 1 < n; i++) {
                if (ranks[i] < ranks[best]) {
                    best = i;
                }
            }
            if (ranks[best] == NO_MERGE) {
                break;
            }
            ids[best] = merged(ids[best], ids[best + 1]);
            n--;
            System.arraycopy(ids, best + 2, ids, best + 1, n - best - 1);
            System.arraycopy(ranks, best + 2, ranks, best + 1, n - best - 1);
            if (best > 0) {
                ranks[best - 1] = rank(ids[best - 1], ids[best]);
            }
            ranks[best] = best + 1 < n ? rank(ids[best], ids[best + 1]) : NO_MERGE;
        }
        return n;
    }

    /** O(n log n): a linked list of tokens and a queue of (rank, position), whose outdated entries are passed over. */
    private int mergeLong(int[] ids, int n) {
        int[] next = new int[n];
        int[] previous = new int[n];
        int[] ranks = new int[n];
        MergeQueue queue = new MergeQueue(n);
        for (int i = 0; i < n; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
            ranks[i] = i + 1 < n ? rank(ids[i], ids[i + 1]) : NO_MERGE;
            if (ranks[i] != NO_MERGE) {
                queue.add(pair(ranks[i], i));
            }
        }
        while (!queue.isEmpty()) {
            long entry = queue.poll();
            int at = (int) entry;
            if (ranks[at] != (int) (entry >>> 32)) {
                continue;
            }
            int gone = next[at];
            ids[at] = merged(ids[at], ids[gone]);
            ranks[gone] = NO_MERGE;
            next[at] = next[gone];
            ranks[at] = NO_MERGE;
            if (next[at] < n) {
                previous[next[at]] = at;
                ranks[at] = rank(ids[at], ids[next[at]]);
                if (ranks[at] != NO_MERGE) {
                    queue.add(pair(ranks[at], at));
                }
            }
            int before = previous[at];
            if (before >= 0) {
                ranks[before] = rank(ids[before], ids[at]);
                if (ranks[before] != NO_MERGE) {
                    queue.add(pair(ranks[before], before));
                }
            }
        }
        int count = 0;
        for (int i = 0; i < n; i = next[i]) {
            ids[count++] = ids[i];
        }
        return count;
    }
}
