package io.vllmd.chat.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What Python's string methods do, where Java's do something else. */
final class Strings {
    private Strings() {}

    /** Takes these characters, or white space where null, off the ends. */
    static String strip(String text, @Nullable String characters, boolean left, boolean right) {
        int begin = 0;
        int end = text.length();
        while (left && begin < end) {
            int c = text.codePointAt(begin);
            if (!stripped(c, characters)) {
                break;
            }
            begin += Character.charCount(c);
        }
        while (right && end > begin) {
            int c = text.codePointBefore(end);
            if (!stripped(c, characters)) {
                break;
            }
            end -= Character.charCount(c);
        }
        return text.substring(begin, end);
    }

    private static boolean stripped(int c, @Nullable String characters) {
        return characters == null ? Characters.isSpace(c) : characters.indexOf(c) >= 0;
    }

    /** Words between white space where the separator is null; at most {@code max} cuts where that is not negative. */
    static List<@Nullable Object> split(String text, @Nullable String separator, int max) {
        if (separator == null) {
            return splitSpace(text, max);
        }
        requireSeparator(separator);
        List<@Nullable Object> parts = new ArrayList<>();
        int from = 0;
        for (int at = text.indexOf(separator);
                at >= 0 && (max < 0 || parts.size() < max);
                at = text.indexOf(separator, from)) {
            parts.add(text.substring(from, at));
            from = at + separator.length();
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static void requireSeparator(String separator) {
        if (separator.isEmpty()) {
            throw TemplateException.evaluation("empty separator");
        }
    }

    private static List<@Nullable Object> splitSpace(String text, int max) {
        List<@Nullable Object> words = new ArrayList<>();
        int length = text.length();
        int i = 0;
        while (true) {
            while (i < length && Characters.isSpace(text.charAt(i))) {
                i++;
            }
            if (i >= length) {
                return words;
            }
            if (max >= 0 && words.size() >= max) {
                words.add(text.substring(i));
                return words;
            }
            int begin = i;
            while (i < length && !Characters.isSpace(text.charAt(i))) {
                i++;
            }
            words.add(text.substring(begin, i));
        }
    }

    /** As {@link #split}, counting the cuts from the end. */
    static List<@Nullable Object> splitFromEnd(String text, @Nullable String separator, int max) {
        if (max < 0) {
            return split(text, separator, max);
        }
        List<@Nullable Object> parts = new ArrayList<>();
        String rest = text;
        if (separator == null) {
            rest = Characters.stripTrailing(rest);
            while (!rest.isEmpty() && parts.size() < max) {
                int begin = rest.length();
                while (begin > 0 && !Characters.isSpace(rest.charAt(begin - 1))) {
                    begin--;
                }
                parts.add(rest.substring(begin));
                rest = Characters.stripTrailing(rest.substring(0, begin));
            }
            if (!rest.isEmpty()) {
                parts.add(rest);
            }
            return parts.reversed();
        }
        requireSeparator(separator);
        for (int at = rest.lastIndexOf(separator); at >= 0 && parts.size() < max; at = rest.lastIndexOf(separator)) {
            parts.add(rest.substring(at + separator.length()));
            rest = rest.substring(0, at);
        }
        parts.add(rest);
        return parts.reversed();
    }

    static List<@Nullable Object> lines(String text, boolean keepEnds) {
        List<@Nullable Object> lines = new ArrayList<>();
        int begin = 0;
        for (int i = 0; i < text.length(); i++) {
            if (endsLine(text.charAt(i))) {
                int next = text.startsWith("\r\n", i) ? i + 2 : i + 1;
                lines.add(text.substring(begin, keepEnds ? next : i));
                begin = next;
                i = next - 1;
            }
        }
        if (begin < text.length()) {
            lines.add(text.substring(begin));
        }
        return lines;
    }

    private static boolean endsLine(char c) {
        return switch (c) {
            case '\n', '\r', '\u000b', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029 -> true;
            default -> false;
        };
    }

    /** Replaces the first {@code count} occurrences, all where that is negative. */
    static String replace(String text, String old, String replacement, long count, Budget budget) {
        budget.steps(text.length() / 16);
        if (old.isEmpty() || replacement.length() > old.length()) {
            long most = old.isEmpty() ? text.length() + 1L : text.length() / old.length();
            long growth = Math.min(most, count < 0 ? most : count) * (replacement.length() - old.length());
            long bound = text.length() + growth;
            // an exact count only where the bound alone would refuse it
            budget.text(bound < 1 << 16 || old.isEmpty() ? bound : exactLength(text, old, replacement));
        }
        if (count < 0) {
            return text.replace(old, replacement);
        }
        StringBuilder out = new StringBuilder();
        int from = 0;
        long left = count;
        if (old.isEmpty()) {
            while (left-- > 0) {
                out.append(replacement);
                if (from >= text.length()) {
                    break;
                }
                int next = text.offsetByCodePoints(from, 1);
                out.append(text, from, next);
                from = next;
            }
            return out.append(text, from, text.length()).toString();
        }
        for (int at = text.indexOf(old); at >= 0 && left-- > 0; at = text.indexOf(old, from)) {
            out.append(text, from, at).append(replacement);
            from = at + old.length();
        }
        return out.append(text, from, text.length()).toString();
    }

    private static long exactLength(String text, String old, String replacement) {
        return text.length() + (long) count(text, old) * (replacement.length() - old.length());
    }

    static int count(String text, String part) {
        int count = 0;
        for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
            count++;
        }
        return count;
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.codePointAt(0);
        return Character.toString(Character.toTitleCase(first))
                + text.substring(Character.charCount(first)).toLowerCase(Locale.ROOT);
    }

    /** {@code str.title}: a letter after a letter is lower case, any other title case. */
    static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            out.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c);
            i += Character.charCount(c);
        }
        return out.toString();
    }

    static String swapCase(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            String one = Character.toString(c);
            out.append(Character.isUpperCase(c) ? one.toLowerCase(Locale.ROOT) : one.toUpperCase(Locale.ROOT));
        });
        return out.toString();
    }

    /** Whether it has cased letters and all of them are in this case. */
    static boolean isCased(String text, boolean upper) {
        boolean any = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            if (upper
                    ? Character.isLowerCase(c) || Character.isTitleCase(c)
                    : Character.isUpperCase(c) || Character.isTitleCase(c)) {
                return false;
            }
            any |= upper ? Character.isUpperCase(c) : Character.isLowerCase(c);
            i += Character.charCount(c);
        }
        return any;
    }
}
