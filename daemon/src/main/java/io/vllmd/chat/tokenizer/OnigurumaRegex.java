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
        for (int i = 0; i < regex.length(); i++) {
            char c = regex.charAt(i);
            if (c != '\\' || i + 1 == regex.length()) {
                java.append(c);
                continue;
            }
            char escaped = regex.charAt(++i);
            int end = (escaped == 'p' || escaped == 'P') && regex.startsWith("{", i + 1) ? regex.indexOf('}', i) : -1;
            if (end > 0) {
                java.append(property(escaped == 'P', regex.substring(i + 2, end)));
                i = end;
            } else if (escaped == 'h' || escaped == 'H') {
                java.append(escaped == 'h' ? "[0-9a-fA-F]" : "[^0-9a-fA-F]");
            } else {
                java.append(c).append(escaped);
            }
        }
        return java.toString();
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
