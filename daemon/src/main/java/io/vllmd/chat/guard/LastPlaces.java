package io.vllmd.chat.guard;

import java.util.Arrays;

/** Where each token stood last. Open addressing; a token that was seen once keeps its place. */
final class LastPlaces {
    private static final int NONE = -1;

    private int[] tokens = new int[256];
    private int[] places = new int[256];
    private int size;

    LastPlaces() {
        Arrays.fill(tokens, NONE);
    }

    /** Notes a token's place, −1 for none, and tells the one before, −1 for none. */
    int replace(int token, int place) {
        int at = find(token);
        if (tokens[at] == NONE) {
            if (2 * size >= tokens.length) {
                grow();
                at = find(token);
            }
            size++;
            tokens[at] = token;
            places[at] = NONE;
        }
        int before = places[at];
        places[at] = place;
        return before;
    }

    private int find(int token) {
        int mask = tokens.length - 1;
        int at = (token * 0x9e3779b9) >>> Integer.numberOfLeadingZeros(mask);
        while (tokens[at] != NONE && tokens[at] != token) {
            at = (at + 1) & mask;
        }
        return at;
    }

    private void grow() {
        int[] oldTokens = tokens;
        int[] oldPlaces = places;
        tokens = new int[2 * oldTokens.length];
        places = new int[tokens.length];
        Arrays.fill(tokens, NONE);
        for (int i = 0; i < oldTokens.length; i++) {
            if (oldTokens[i] != NONE) {
                int at = find(oldTokens[i]);
                tokens[at] = oldTokens[i];
                places[at] = oldPlaces[i];
            }
        }
    }
}
