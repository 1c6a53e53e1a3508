package io.vllmd.chat.tokenizer;

/** Properties of characters as the reference implementation's regular expressions see them. */
final class Unicode {
    private Unicode() {}

    /** White_Space, which is neither Character.isWhitespace (no U+00A0) nor isSpaceChar (no tab). */
    static boolean isWhiteSpace(int c) {
        return (c >= 9 && c <= 13)
                || c == 0x20
                || c == 0x85
                || c == 0xa0
                || c == 0x1680
                || (c >= 0x2000 && c <= 0x200a)
                || c == 0x2028
                || c == 0x2029
                || c == 0x202f
                || c == 0x205f
                || c == 0x3000;
    }

    /** What {@code \w} means in UTS 18, annex C. */
    static boolean isWord(int c) {
        return switch (Character.getType(c)) {
            case Character.NON_SPACING_MARK,
                    Character.ENCLOSING_MARK,
                    Character.COMBINING_SPACING_MARK,
                    Character.DECIMAL_DIGIT_NUMBER,
                    Character.CONNECTOR_PUNCTUATION -> true;
            default -> Character.isAlphabetic(c) || c == 0x200c || c == 0x200d;
        };
    }

    /** The text with U+FFFD in place of every half of a surrogate pair that stands alone, which UTF-8 cannot hold. */
    static String wellFormed(String text) {
        int broken = brokenAt(text, 0);
        if (broken < 0) {
            return text;
        }
        StringBuilder sound = new StringBuilder(text);
        for (; broken >= 0; broken = brokenAt(text, broken + 1)) {
            sound.setCharAt(broken, '\ufffd');
        }
        return sound.toString();
    }

    private static int brokenAt(String text, int from) {
        int i = from;
        while (i < text.length()) {
            int c = text.codePointAt(i);
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                return i;
            }
            i += Character.charCount(c);
        }
        return -1;
    }
}
