package io.vllmd.chat.tokenizer;

import java.util.Locale;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Oniguruma's regular expressions, which tokenizer.json is written for, as Java's. Classes are Unicode's in both;
 * anchors are those of a line, which ends at {@code \n} alone.
 */
final class OnigurumaRegex {
    private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.MULTILINE | Pattern.UNIX_LINES;

    private OnigurumaRegex() {}

    static Pattern compile(String regex, Component component) {
        try {
            return Pattern.compile(translate(regex), FLAGS);
        } catch (PatternSyntaxException e) {
            throw component.unsupported(
                    "the regular expression '" + regex + "' (" + e.getDescription() + ")",
                    "Oniguruma's expressions that java.util.regex has too");
        } catch (StackOverflowError e) {
            throw component.unsupported("a regular expression nested this deep", "expressions of usual depth");
        }
    }

    private static String translate(String regex) {
        StringBuilder java = new StringBuilder(regex.length() + 16);
        int brackets = 0;
        int i = 0;
        while (i < regex.length()) {
            char c = regex.charAt(i++);
            if (c == '[' && brackets > 0 && regex.startsWith(":", i) && regex.indexOf(":]", i) > 0) {
                int end = regex.indexOf(":]", i);
                java.append(posix(regex.substring(i + 1, end), regex, i));
                i = end + 2;
                continue;
            }
            brackets += c == '[' ? 1 : c == ']' && brackets > 0 ? -1 : 0;
            if (c != '\\' || i == regex.length()) {
                java.append(c);
                continue;
            }
            char escaped = regex.charAt(i++);
            int end = (escaped == 'p' || escaped == 'P') && regex.startsWith("{", i) ? regex.indexOf('}', i) : -1;
            if (end > 0) {
                java.append(property(escaped == 'P', regex.substring(i + 1, end)));
                i = end + 1;
            } else if (escaped == 'h' || escaped == 'H') {
                java.append(escaped == 'h' ? "[0-9a-fA-F]" : "[^0-9a-fA-F]");
            } else {
                java.append(c).append(escaped);
            }
        }
        return java.toString();
    }

    /** A POSIX bracket such as {@code [:alpha:]}, which to Java is a set of letters. */
    private static String posix(String name, String regex, int at) {
        boolean negated = name.startsWith("^");
        String set = switch (negated ? name.substring(1) : name) {
            case "alpha" -> "\\p{IsAlphabetic}";
            case "alnum" -> "\\p{IsAlphabetic}\\p{Nd}";
            case "digit" -> "\\p{Nd}";
            case "space" -> "\\s";
            case "upper" -> "\\p{IsUppercase}";
            case "lower" -> "\\p{IsLowercase}";
            case "word" -> "\\w";
            case "xdigit" -> "0-9a-fA-F";
            default -> throw new PatternSyntaxException("POSIX bracket [:" + name + ":]", regex, at);
        };
        return (negated ? "[^" : "[") + set + "]";
    }

    private static String property(boolean negated, String name) {
        boolean caret = name.startsWith("^");
        String bare = caret ? name.substring(1) : name;
        return (negated == caret ? "\\p{" : "\\P{") + (isScript(bare) ? "Is" : "") + bare + "}";
    }

    private static boolean isScript(String name) {
        if (name.length() <= 2) {
            return false;
        }
        try {
            Character.UnicodeScript.forName(name.toUpperCase(Locale.ROOT));
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
