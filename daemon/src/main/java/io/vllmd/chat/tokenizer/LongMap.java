package io.vllmd.chat.tokenizer;

import java.util.Arrays;

/**
 * From one long to another, both not negative. Keys and values lie side by side in one array, so that a look-up in a
 * table of several megabytes costs one cache miss. Not changed once published.
 */
final class LongMap {
    static final long ABSENT = -1;

    private long[] slots;
    private int mask;
    private int size;

    LongMap(int expected) {
        int capacity = Integer.highestOneBit(Math.max(8, expected) * 2 - 1) * 2;
        slots = new long[capacity * 2];
        Arrays.fill(slots, ABSENT);
        mask = capacity - 1;
    }

    private int slot(long key) {
        long h = key * 0x9E3779B97F4A7C15L;
        int at = (int) (h >>> 32) & mask;
        while (slots[at * 2] != key && slots[at * 2] != ABSENT) {
            at = (at + 1) & mask;
        }
        return at * 2;
    }

    long get(long key) {
        int at = slot(key);
        return slots[at] == key ? slots[at + 1] : ABSENT;
    }

    void put(long key, long value) {
        if (size * 2 > mask) {
            grow();
        }
        int at = slot(key);
        if (slots[at] == ABSENT) {
            size++;
        }
        slots[at] = key;
        slots[at + 1] = value;
    }

    private void grow() {
        long[] old = slots;
        slots = new long[old.length * 2];
        Arrays.fill(slots, ABSENT);
        mask = mask * 2 + 1;
        for (int i = 0; i < old.length; i += 2) {
            if (old[i] != ABSENT) {
                int at = slot(old[i]);
                slots[at] = old[i];
                slots[at + 1] = old[i + 1];
            }
        }
    }
}
