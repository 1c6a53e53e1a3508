package io.vllmd.chat.guard;

import java.lang.Character.UnicodeScript;

/** What a text is that repeats itself: how much of it there may be before it is taken for a loop. */
enum LoopKind {
    /** Nothing but white space: indentation, blank lines, padding. */
    BLANK,

    /** No words: rules of dashes, table borders, rows of zeros, base64, a scream. */
    SYMBOLS,

    /** Few words that follow one another: lists of equal values, table rows, markup, code. */
    DATA,

    /** Words that follow one another as people write them. */
    PROSE;

    /** Marks that data has much of and prose has little of. */
    private static final String MARKS = "|{}[]<>=_\\#`\";\t";

    /** Data has at least one of the marks for so many letters. */
    private static final int LETTERS_PER_MARK = 8;

    /** @param text a few repetitions of what repeats itself */
    static LoopKind of(String text) {
        int letters = 0;
        int marks = 0;
        int spaces = 0;
        int others = 0;
        int words = 0;
        int following = 0;
        int before = ' ';
        int beforeThat = '\n';
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (isPartOfLetter(c)) {
                continue;
            }
            marks += MARKS.indexOf(c) >= 0 ? 1 : 0;
            if (Character.isLetter(c)) {
                letters++;
                boolean standsAlone = isWithoutSpaces(c);
                if (standsAlone) {
                    words++;
                    // Laughter is the same letter over and over.
                    following += c != before && isWithoutSpaces(before) ? 1 : 0;
                    spaces++;
                } else if (!isInWord(before)) {
                    words++;
                    following += before == ' ' && isInWord(beforeThat) ? 1 : 0;
                }
            } else if (Character.isWhitespace(c)) {
                spaces++;
            } else {
                others++;
            }
            beforeThat = before;
            before = c;
        }
        if (letters == 0 && others == 0) {
            return BLANK;
        }
        if (letters == 0 || spaces == 0) {
            return SYMBOLS;
        }
        return marks * LETTERS_PER_MARK >= letters || 2 * following < words ? DATA : PROSE;
    }

    /** Accents and vowel signs. */
    private static boolean isPartOfLetter(int c) {
        int type = Character.getType(c);
        return type == Character.NON_SPACING_MARK || type == Character.COMBINING_SPACING_MARK;
    }

    private static boolean isInWord(int c) {
        return Character.isLetterOrDigit(c) || c == '\'' || c == '\u2019';
    }

    /** Whether the letter belongs to a script that puts no spaces between words: each then counts as a word. */
    private static boolean isWithoutSpaces(int c) {
        if (c < 0x0e00 || !Character.isLetter(c)) {
            return false;
        }
        UnicodeScript script = UnicodeScript.of(c);
        return switch (script) {
            case HAN, HIRAGANA, KATAKANA, THAI, LAO, KHMER, MYANMAR, TIBETAN, JAVANESE -> true;
            default -> false;
        };
    }
}
