package io.vllmd.engine;

import io.vllmd.mlx.SamplingRows;
import java.util.Arrays;

/**
 * One sequence's tokens as its penalties see them: how often each stands in the answer, and how often in the newest
 * {@code window} tokens of prompt and answer. Kept up to date by O(1) a token, whichever way it goes; keeps nothing where
 * no penalty is set.
 */
final class TokenHistory {
    private final boolean countsGenerated;
    private final boolean countsRepeats;
    private final int window;
    private final int promptLength;
    private final TokenCounts counts = new TokenCounts();
    private int[] tokens;
    private int size;

    TokenHistory(int[] prompt, Sampling.Penalties penalties) {
        countsGenerated = penalties.presence() != 0 || penalties.frequency() != 0;
        countsRepeats = penalties.repetition() != 1;
        window = penalties.window() == 0 ? Integer.MAX_VALUE : penalties.window();
        promptLength = prompt.length;
        size = prompt.length;
        tokens = counts() ? prompt.clone() : new int[0];
        if (countsRepeats) {
            for (int i = (int) Math.max(0, size - (long) window); i < size; i++) {
                counts.add(tokens[i], 0, 1);
            }
        }
    }

    /** Whether any penalty looks at what came before. */
    boolean counts() {
        return countsGenerated || countsRepeats;
    }

    /** Tokens of prompt and answer. */
    int size() {
        return size;
    }

    /** The answer goes on with this token. */
    void add(int token) {
        if (counts()) {
            if (size == tokens.length) {
                tokens = Arrays.copyOf(tokens, Math.max(size + 64, 2 * size));
            }
            tokens[size] = token;
            counts.add(token, countsGenerated ? 1 : 0, countsRepeats ? 1 : 0);
            if (countsRepeats && size >= window) {
                counts.add(tokens[size - window], 0, -1);
            }
        }
        size++;
    }

    /** Takes the newest {@code n} tokens back, which must be of the answer. */
    void rollback(int n) {
        if (n < 0 || n > size - promptLength) {
            throw new IllegalArgumentException(
                    n + " tokens to take back of an answer of " + (size - promptLength) + " tokens");
        }
        for (int i = 0; i < n; i++) {
            size--;
            if (counts()) {
                // First what comes back: the one that goes may be the same token, and is then counted throughout.
                if (countsRepeats && size >= window) {
                    counts.add(tokens[size - window], 0, 1);
                }
                counts.add(tokens[size], countsGenerated ? -1 : 0, countsRepeats ? -1 : 0);
            }
        }
    }

    /**
     * Tells each token that has a count, once.
     *
     * @param newestUnknown one more token has been made that this does not know: the oldest leaves the window for it
     */
    void forEach(boolean newestUnknown, TokenCounts.Visitor visitor) {
        int leaving = newestUnknown && countsRepeats && size >= window ? tokens[size - window] : -1;
        counts.forEach((id, generated, repeats) -> {
            int within = id == leaving ? repeats - 1 : repeats;
            if (generated > 0 || within > 0) {
                visitor.visit(id, generated, within);
            }
        });
    }

    /** Writes the counts into the row added last, whose {@code last} counts the newest token where it is unknown. */
    void addTo(SamplingRows rows, boolean newestUnknown) {
        if (counts()) {
            forEach(newestUnknown, rows::count);
        }
    }
}
