package io.vllmd.engine.cache;

import io.vllmd.engine.MediaSpan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One request's tokens as a prefix tree looks for them: its prompt, and what was generated since as far as it was
 * published. Belongs to the tree that made it, and remembers how far it got there.
 */
public final class PrefixKey {
    final String scope;
    final int promptLength;
    private final ChainDigest root;
    private final List<MediaSpan> media;
    private int[] tokens;
    private int length;
    private final List<ChainDigest> digests = new ArrayList<>();

    /** The node of the last of {@link #depth} full pages that were found or published. */
    private @Nullable PrefixNode node;

    private int depth;

    /** What this request has counted for in the tree's statistics. */
    int lookedUp = -1;

    int found;

    PrefixKey(ChainDigest root, String scope, int[] prompt, List<MediaSpan> media) {
        this.root = root;
        this.scope = scope;
        this.tokens = prompt;
        this.length = prompt.length;
        this.promptLength = prompt.length;
        this.media = media.stream().filter(span -> span.length() > 0).toList();
        int end = 0;
        for (MediaSpan span : this.media) {
            if (span.start() < end || span.start() + span.length() > prompt.length) {
                throw new IllegalArgumentException(
                        "media at " + span.start() + " … " + (span.start() + span.length() - 1)
                                + " overlap others or exceed a prompt of " + prompt.length);
            }
            end = span.start() + span.length();
        }
    }

    /** Tokens that it knows. */
    public int length() {
        return length;
    }

    /** What its chain of digests begins with. */
    ChainDigest root() {
        return root;
    }

    /** Learns the tokens that came since: {@code all} begins with those it knows. */
    void extend(int[] all, int to) {
        if (to > length) {
            if (tokens.length < to) {
                // Not the caller's array: it may be the prompt of a request that others look at.
                tokens = Arrays.copyOf(tokens, Math.max(to, length + length / 2));
            }
            System.arraycopy(all, length, tokens, length, to - length);
            length = to;
        }
    }

    /** The content of page {@code index}, its first {@code count} positions. A view: see {@link PageContent}. */
    PageContent page(int index, int count) {
        int from = index * PrefixTree.PAGE;
        return new PageContent(tokens, from, count, media.isEmpty() ? new MediaPart[0] : parts(from, count));
    }

    private MediaPart[] parts(int from, int count) {
        List<MediaPart> parts = new ArrayList<>();
        for (int i = firstEndingAfter(from); i < media.size() && media.get(i).start() < from + count; i++) {
            MediaSpan span = media.get(i);
            int start = Math.max(span.start(), from);
            parts.add(new MediaPart(start - from, start - span.start(), span.length(), span.digest()));
        }
        return parts.toArray(MediaPart[]::new);
    }

    private int firstEndingAfter(int position) {
        int low = 0;
        int high = media.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            MediaSpan span = media.get(middle);
            if (span.start() + span.length() > position) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /** The digest of page {@code index}; where the prompt's last page is not full, that page's digest as it stands. */
    ChainDigest digest(int index) {
        while (digests.size() <= index) {
            int i = digests.size();
            int count = Math.min(PrefixTree.PAGE, length - i * PrefixTree.PAGE);
            ChainDigest digest = (i == 0 ? root : digests.get(i - 1)).next(page(i, count));
            if (count < PrefixTree.PAGE) {
                // It may grow yet.
                return digest;
            }
            digests.add(digest);
        }
        return digests.get(index);
    }

    /** Whether it still knows where in the tree it is. */
    @Nullable
    PrefixNode node() {
        if (node != null && node.detached) {
            node = null;
        }
        return node;
    }

    int depth() {
        return depth;
    }

    void at(PrefixNode where, int pages) {
        node = where;
        depth = pages;
    }
}
