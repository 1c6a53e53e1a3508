package io.vllmd.engine;

import java.util.Arrays;

/**
 * Guesses what comes next from what came after the same words before: answers repeat their prompts and themselves (Saxena
 * 2023, prompt lookup decoding). Costs O(1) a token.
 */
final class PromptLookup {
    /** Tokens that must agree: with fewer, guesses are mostly wrong. */
    private static final int LENGTH = 3;

    /** Three token ids, 21 bits each, to the position after their newest occurrence: open addressing, 0 = free. */
    private long[] grams;

    private int[] after;
    private int used;

    private int[] tokens;
    private int size;

    /** Where what is guessed next stands, 0 = nowhere. */
    private int source;

    PromptLookup(int[] prompt) {
        tokens = prompt.clone();
        int slots = Integer.highestOneBit(Math.max(64, prompt.length)) * 4;
        grams = new long[slots];
        after = new int[slots];
        while (size < prompt.length) {
            size++;
            index();
        }
    }

    void add(int token) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(64, 2 * size));
        }
        tokens[size++] = token;
        index();
    }

    private void index() {
        if (size < LENGTH) {
            return;
        }
        long gram = (long) tokens[size - 3] << 42 | (long) tokens[size - 2] << 21 | tokens[size - 1];
        int slot = slotOf(gram);
        source = after[slot];
        if (source == 0) {
            used++;
        }
        grams[slot] = gram;
        after[slot] = size;
        if (used > grams.length / 2) {
            grow();
        }
    }

    private int slotOf(long gram) {
        int slot = (int) ((gram * 0x9e3779b97f4a7c15L) >>> 40) & (grams.length - 1);
        while (after[slot] != 0 && grams[slot] != gram) {
            slot = (slot + 1) & (grams.length - 1);
        }
        return slot;
    }

    private void grow() {
        long[] oldGrams = grams;
        int[] oldAfter = after;
        grams = new long[oldGrams.length * 2];
        after = new int[oldGrams.length * 2];
        for (int i = 0; i < oldGrams.length; i++) {
            if (oldAfter[i] != 0) {
                int slot = slotOf(oldGrams[i]);
                grams[slot] = oldGrams[i];
                after[slot] = oldAfter[i];
            }
        }
    }

    /** So many likely next tokens; none where nothing is known. */
    int[] guess(int most) {
        if (source == 0) {
            return new int[0];
        }
        int[] guess = new int[most];
        for (int i = 0; i < most; i++) {
            // Behind the newest token a repetition goes on as it began.
            guess[i] = source + i < size ? tokens[source + i] : guess[source + i - size];
        }
        return guess;
    }
}
