package io.vllmd.chat.tokenizer;

import java.util.Arrays;

/** A growing list of ints. */
final class IntList {
    private int[] items = new int[256];
    private int size;

    void add(int item) {
        room(1);
        items[size++] = item;
    }

    void addAll(int[] more) {
        room(more.length);
        System.arraycopy(more, 0, items, size, more.length);
        size += more.length;
    }

    int size() {
        return size;
    }

    int get(int at) {
        return items[at];
    }

    void set(int at, int item) {
        items[at] = item;
    }

    void clear() {
        size = 0;
    }

    int[] toArray() {
        return Arrays.copyOf(items, size);
    }

    private void room(int more) {
        if (items.length - size < more) {
            items = Arrays.copyOf(items, Math.max(items.length * 2, size + more));
        }
    }
}
