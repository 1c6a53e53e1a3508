package io.vllmd.chat.tokenizer;

import org.jspecify.annotations.Nullable;

/**
 * Words that were encoded lately. A fixed table where a new word takes the place of an older one: bounded without
 * counting, and a hit neither locks nor allocates. Threads race on slots; that is sound because an entry is immutable
 * and checked against the word it is asked for.
 */
final class WordCache {
    /** Longer words hardly ever come again. */
    static final int LONGEST = 48;

    private static final int SLOTS = 1 << 15;

    private final @Nullable Entry[] table = new @Nullable Entry[SLOTS];

    private static final class Entry {
        final String word;
        final int[] ids;

        Entry(String word, int[] ids) {
            this.word = word;
            this.ids = ids;
        }
    }

    /** The ids of the word in text from start to end, not to be changed, or null. */
    int @Nullable [] get(String text, int start, int end) {
        Entry entry = table[slot(text, start, end)];
        return entry != null
                        && entry.word.length() == end - start
                        && text.regionMatches(start, entry.word, 0, end - start)
                ? entry.ids
                : null;
    }

    void put(String word, int[] ids) {
        table[slot(word, 0, word.length())] = new Entry(word, ids);
    }

    private static int slot(String text, int start, int end) {
        int h = 0;
        for (int i = start; i < end; i++) {
            h = h * 31 + text.charAt(i);
        }
        h *= 0x9E3779B9;
        return h >>> 17;
    }
}
