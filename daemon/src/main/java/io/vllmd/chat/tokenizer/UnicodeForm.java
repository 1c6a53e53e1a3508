package io.vllmd.chat.tokenizer;

import java.text.Normalizer;
import java.util.Arrays;

/**
 * Unicode's normal forms as the reference implementation makes them. Its tables are those of Unicode 9, the JDK's are
 * newer: to it the characters that got a decomposition or a combining class since are characters like any other.
 */
final class UnicodeForm {
    /** Below this every character is in NFC and nothing combines. */
    private static final char FIRST_COMBINING = '\u0300';

    /**
     * Starts and ends of ranges: code points whose four forms differ between JDK 25 and the reference, found by
     * comparing all of them, and the first halves of pairs that only the JDK composes.
     */
    private static final int[] UNKNOWN_TO_REFERENCE = {
        0x7fd, 0x7fd, 0x897, 0x89f, 0x8ca, 0x8d3, 0x9fe, 0x9fe, 0xc3c, 0xc3c, 0xd3b, 0xd3c, 0xeba, 0xeba, 0x1715,
        0x1715, 0x1abf, 0x1ace, 0x1df6, 0x1dfa, 0x32ff, 0x32ff, 0xa7f2, 0xa7f4, 0xa82c, 0xa82c, 0xab69, 0xab69, 0x105c9,
        0x105c9, 0x105d2, 0x105d2, 0x105da, 0x105da, 0x105e4, 0x105e4, 0x10781, 0x10785, 0x10787, 0x107b0, 0x107b2,
        0x107ba, 0x10d24, 0x10d27, 0x10d69, 0x10d6d, 0x10eab, 0x10eac, 0x10efd, 0x10eff, 0x10f46, 0x10f50, 0x10f82,
        0x10f85, 0x11070, 0x11070, 0x1133b, 0x1133b, 0x11382, 0x11385, 0x1138b, 0x1138b, 0x1138e, 0x1138e, 0x11390,
        0x11391, 0x113c2, 0x113c2, 0x113c5, 0x113c5, 0x113c7, 0x113c8, 0x113ce, 0x113d0, 0x1145e, 0x1145e, 0x11839,
        0x1183a, 0x11935, 0x11935, 0x11938, 0x11938, 0x1193d, 0x1193e, 0x11943, 0x11943, 0x119e0, 0x119e0, 0x11a34,
        0x11a34, 0x11a47, 0x11a47, 0x11a99, 0x11a99, 0x11d42, 0x11d42, 0x11d44, 0x11d45, 0x11d97, 0x11d97, 0x11f41,
        0x11f42, 0x1611e, 0x1611e, 0x16121, 0x16129, 0x1612f, 0x1612f, 0x16d63, 0x16d63, 0x16d67, 0x16d6a, 0x16ff0,
        0x16ff1, 0x1ccd6, 0x1ccf9, 0x1e030, 0x1e06d, 0x1e08f, 0x1e08f, 0x1e130, 0x1e136, 0x1e2ae, 0x1e2ae, 0x1e2ec,
        0x1e2ef, 0x1e4ec, 0x1e4ef, 0x1e5ee, 0x1e5ef, 0x1f16c, 0x1f16c, 0x1fbf0, 0x1fbf9
    };

    private UnicodeForm() {}

    static String normalize(String text, Normalizer.Form form) {
        if ((form == Normalizer.Form.NFC && isPlain(text)) || Normalizer.isNormalized(text, form)) {
            return text;
        }
        StringBuilder normalized = new StringBuilder(text.length());
        int done = 0;
        int width;
        for (int at = 0; at < text.length(); at += width) {
            int c = text.codePointAt(at);
            width = Character.charCount(c);
            if (isUnknownToReference(c)) {
                normalized.append(Normalizer.normalize(text.substring(done, at), form));
                normalized.appendCodePoint(c);
                done = at + width;
            }
        }
        return normalized
                .append(Normalizer.normalize(text.substring(done), form))
                .toString();
    }

    private static boolean isUnknownToReference(int c) {
        int found = Arrays.binarySearch(UNKNOWN_TO_REFERENCE, c);
        // Between a start and an end the insertion point is odd.
        return found >= 0 || (-found - 1) % 2 == 1;
    }

    private static boolean isPlain(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) >= FIRST_COMBINING) {
                return false;
            }
        }
        return true;
    }
}
