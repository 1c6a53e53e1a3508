package io.vllmd.engine.cache;

import java.util.Comparator;

/**
 * What part of an image or sound a page's placeholders stand for.
 *
 * @param start first position, counted in the page
 * @param offset which position of the span that is; not 0 where the span began on an earlier page
 * @param length positions of the whole span
 * @param digest of the whole content
 */
record MediaPart(int start, int offset, int length, String digest) {
    private static final Comparator<MediaPart> BY_CONTENT =
            Comparator.comparing(MediaPart::digest).thenComparingInt(MediaPart::length);

    boolean covers(int position) {
        return position >= start && position < start + length - offset;
    }

    /** An order of what two parts say of one position that both cover. */
    static int compareAt(int position, MediaPart a, MediaPart b) {
        int order = BY_CONTENT.compare(a, b);
        return order != 0 ? order : Integer.compare(position - a.start + a.offset, position - b.start + b.offset);
    }
}
