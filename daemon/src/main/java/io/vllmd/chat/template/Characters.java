package io.vllmd.chat.template;

/** Python's view of characters, where it is not Java's. */
final class Characters {
    private Characters() {}

    /** As {@code str.isspace} of one character. */
    static boolean isSpace(int c) {
        return Character.isWhitespace(c) || c == 0x85 || c == 0xa0 || c == 0x2007 || c == 0x202f;
    }

    static String stripTrailing(String text) {
        int end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(0, end);
    }

    /** Whether {@code repr} shows it as it is. */
    static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    /** Unicode's decimal digits, and with them the superscripts that Python counts as digits. */
    static boolean isDigit(int c) {
        return Character.isDigit(c) || c == 0xb2 || c == 0xb3 || c == 0xb9;
    }
}
