package io.vllmd.engine.cache;

import java.util.Arrays;

/**
 * What stands on a page: up to 64 token ids, and what placeholders among them stand for. The order is lexicographic
 * by position, so that among sorted pages the one with the most leading positions in common with another is its
 * neighbour.
 */
final class PageContent implements Comparable<PageContent> {
    private static final MediaPart[] NO_MEDIA = {};

    static final PageContent NOTHING = new PageContent(new int[0], 0, 0, NO_MEDIA);

    private final int[] ids;
    private final int from;
    private final int length;
    private final MediaPart[] media;

    /** A view of {@code ids}: they must not change while it is used. */
    PageContent(int[] ids, int from, int length, MediaPart[] media) {
        this.ids = ids;
        this.from = from;
        this.length = length;
        this.media = media.length == 0 ? NO_MEDIA : media;
    }

    /** The same with ids of its own. */
    PageContent detached() {
        return new PageContent(ids(), 0, length, media);
    }

    int length() {
        return length;
    }

    /** Its token ids, a copy. */
    int[] ids() {
        return Arrays.copyOfRange(ids, from, from + length);
    }

    int id(int position) {
        return ids[from + position];
    }

    MediaPart[] media() {
        return media;
    }

    /** Leading positions at which both say the same. */
    int common(PageContent other) {
        int both = Math.min(length, other.length);
        int differing = Arrays.mismatch(ids, from, from + both, other.ids, other.from, other.from + both);
        int common = differing < 0 ? both : differing;
        return media.length == 0 && other.media.length == 0 ? common : Math.min(common, commonMedia(other));
    }

    /** Leading positions at which both stand for the same media, however long the pages are. */
    private int commonMedia(PageContent other) {
        int most = Math.max(media.length, other.media.length);
        for (int i = 0; i < most; i++) {
            if (i >= media.length) {
                return other.media[i].start();
            }
            if (i >= other.media.length) {
                return media[i].start();
            }
            if (!media[i].equals(other.media[i])) {
                return Math.min(media[i].start(), other.media[i].start());
            }
        }
        return Integer.MAX_VALUE;
    }

    /** Whether the other one begins with all of this. */
    boolean isPrefixOf(PageContent other) {
        return length <= other.length && common(other) == length;
    }

    @Override
    public int compareTo(PageContent other) {
        int at = common(other);
        if (at == Math.min(length, other.length)) {
            return Integer.compare(length, other.length);
        }
        int order = Integer.compare(id(at), other.id(at));
        return order != 0 ? order : compareMedia(at, other);
    }

    private int compareMedia(int position, PageContent other) {
        MediaPart mine = null;
        for (MediaPart part : media) {
            mine = part.covers(position) ? part : mine;
        }
        for (MediaPart part : other.media) {
            if (part.covers(position)) {
                return mine == null ? -1 : MediaPart.compareAt(position, mine, part);
            }
        }
        return mine == null ? 0 : 1;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PageContent content && compareTo(content) == 0;
    }

    @Override
    public int hashCode() {
        int hash = length;
        for (int i = 0; i < length; i++) {
            hash = 31 * hash + id(i);
        }
        return 31 * hash + Arrays.hashCode(media);
    }
}
