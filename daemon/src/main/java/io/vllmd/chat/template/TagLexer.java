package io.vllmd.chat.template;

import io.vllmd.chat.template.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Splits what stands between a tag's marks: names, numbers, strings, operators. */
final class TagLexer {
    /** Each operator of one character, by that character, so that a token takes no new string. */
    private static final String[] SINGLE = new String[128];

    static {
        for (char c : "+-/*%~[](){}><=.:|,;".toCharArray()) {
            SINGLE[c] = String.valueOf(c);
        }
    }

    private final String source;
    private final String end;
    private final List<Token> tokens;
    private final Deque<Character> open = new ArrayDeque<>();
    private int position;
    private int line;
    private char sign;

    TagLexer(String source, int position, int line, String end, List<Token> tokens) {
        this.source = source;
        this.position = position;
        this.line = line;
        this.end = end;
        this.tokens = tokens;
    }

    /** The closing mark's position, once run. */
    int position() {
        return position;
    }

    int line() {
        return line;
    }

    /** The {@code -} or {@code +} before the closing mark, or 0. */
    char sign() {
        return sign;
    }

    void run() {
        while (true) {
            skipSpace();
            if (position >= source.length()) {
                throw fail("the template ends inside a tag; '" + end + "' is missing");
            }
            if (open.isEmpty() && atEnd()) {
                return;
            }
            char c = source.charAt(position);
            if (c == '"' || c == '\'') {
                string(c);
            } else if (isDigit(c)) {
                number();
            } else if (Character.isUnicodeIdentifierStart(c) || c == '_') {
                name();
            } else {
                operator();
            }
        }
    }

    private boolean atEnd() {
        char c = source.charAt(position);
        boolean signed = c == '-' || (c == '+' && end.equals("%}"));
        int at = signed ? position + 1 : position;
        if (!source.startsWith(end, at)) {
            return false;
        }
        sign = signed ? c : 0;
        position = at;
        return true;
    }

    private void name() {
        int begin = position;
        while (position < source.length() && Character.isUnicodeIdentifierPart(source.charAt(position))) {
            position++;
        }
        add(Kind.NAME, source.substring(begin, position));
    }

    private void operator() {
        char c = source.charAt(position);
        String operator = pair(c, position + 1 < source.length() ? source.charAt(position + 1) : 0);
        if (operator == null && c < SINGLE.length) {
            operator = SINGLE[c];
        }
        if (operator != null) {
            balance(c);
            add(Kind.OPERATOR, operator);
            position += operator.length();
            return;
        }
        throw fail("unexpected character '" + Character.toString(source.codePointAt(position)) + "'");
    }

    private static @Nullable String pair(char first, char second) {
        return switch (first) {
            case '/' -> second == '/' ? "//" : null;
            case '*' -> second == '*' ? "**" : null;
            case '=' -> second == '=' ? "==" : null;
            case '!' -> second == '=' ? "!=" : null;
            case '>' -> second == '=' ? ">=" : null;
            case '<' -> second == '=' ? "<=" : null;
            default -> null;
        };
    }

    private void balance(char bracket) {
        switch (bracket) {
            case '(' -> open.push(')');
            case '[' -> open.push(']');
            case '{' -> open.push('}');
            case ')', ']', '}' -> {
                if (open.isEmpty()) {
                    throw fail("unexpected '" + bracket + "'");
                }
                char expected = open.pop();
                if (expected != bracket) {
                    throw fail("unexpected '" + bracket + "', expected '" + expected + "'");
                }
            }
            default -> {}
        }
    }

    private void number() {
        int begin = position;
        if (source.charAt(begin) == '0' && begin + 1 < source.length()) {
            int radix = switch (source.charAt(begin + 1) | 32) {
                case 'x' -> 16;
                case 'o' -> 8;
                case 'b' -> 2;
                default -> 0;
            };
            if (radix > 0) {
                position += 2;
                digits(radix);
                String digits = source.substring(begin + 2, position).replace("_", "");
                if (digits.isEmpty()) {
                    throw fail("a number without digits");
                }
                add(Kind.INTEGER, new BigInteger(digits, radix).toString());
                return;
            }
        }
        boolean afterDot = begin > 0 && source.charAt(begin - 1) == '.';
        digits(10);
        boolean fraction = !afterDot && fraction();
        boolean real = (!afterDot && exponent()) || fraction;
        add(real ? Kind.FLOAT : Kind.INTEGER, source.substring(begin, position).replace("_", ""));
    }

    private boolean fraction() {
        if (position + 1 < source.length() && source.charAt(position) == '.' && isDigit(source.charAt(position + 1))) {
            position++;
            digits(10);
            return true;
        }
        return false;
    }

    private boolean exponent() {
        if (position >= source.length() || (source.charAt(position) | 32) != 'e') {
            return false;
        }
        int i = position + 1;
        if (i < source.length() && (source.charAt(i) == '+' || source.charAt(i) == '-')) {
            i++;
        }
        if (i < source.length() && isDigit(source.charAt(i))) {
            position = i;
            digits(10);
            return true;
        }
        return false;
    }

    private void digits(int radix) {
        while (position < source.length()) {
            char c = source.charAt(position);
            if (c != '_' && (c > 'f' || Character.digit(c, radix) < 0)) {
                return;
            }
            position++;
        }
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private void string(char quote) {
        StringBuilder value = new StringBuilder();
        int begin = line;
        int i = position + 1;
        while (i < source.length() && source.charAt(i) != quote) {
            char c = source.charAt(i);
            if (c == '\n') {
                line++;
            }
            if (c != '\\' || i + 1 >= source.length()) {
                value.append(c);
                i++;
            } else {
                i = escape(i + 1, value);
            }
        }
        if (i >= source.length()) {
            throw TemplateException.syntax("a string has no closing " + quote, begin);
        }
        add(Kind.STRING, value.toString());
        position = i + 1;
    }

    /** Reads what follows a backslash, Python's escapes, and tells where it ends. */
    private int escape(int at, StringBuilder value) {
        char c = source.charAt(at);
        switch (c) {
            case 'n' -> value.append('\n');
            case 't' -> value.append('\t');
            case 'r' -> value.append('\r');
            case 'b' -> value.append('\b');
            case 'f' -> value.append('\f');
            case 'a' -> value.append('\u0007');
            case 'v' -> value.append('\u000b');
            case '\\', '\'', '"' -> value.append(c);
            case '\n' -> line++;
            case 'x' -> {
                return codePoint(at + 1, 2, 16, value);
            }
            case 'u' -> {
                return codePoint(at + 1, 4, 16, value);
            }
            case 'U' -> {
                return codePoint(at + 1, 8, 16, value);
            }
            case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                int digits = 1;
                while (digits < 3 && at + digits < source.length() && isOctal(source.charAt(at + digits))) {
                    digits++;
                }
                return codePoint(at, digits, 8, value);
            }
            default -> value.append('\\').append(c);
        }
        return at + 1;
    }

    private static boolean isOctal(char c) {
        return c >= '0' && c <= '7';
    }

    private int codePoint(int from, int digits, int radix, StringBuilder value) {
        int to = from + digits;
        long code = to <= source.length() ? 0 : -1;
        for (int i = from; i < to && code >= 0; i++) {
            int digit = Character.digit(source.charAt(i), radix);
            code = digit < 0 ? -1 : code * radix + digit;
        }
        if (code < 0 || code > Character.MAX_CODE_POINT) {
            throw fail("a string has a broken escape");
        }
        value.appendCodePoint((int) code);
        return to;
    }

    private void skipSpace() {
        while (position < source.length() && Characters.isSpace(source.charAt(position))) {
            if (source.charAt(position) == '\n') {
                line++;
            }
            position++;
        }
    }

    private void add(Kind kind, String text) {
        tokens.add(new Token(kind, text, line));
    }

    private TemplateException fail(String reason) {
        return TemplateException.syntax(reason, line);
    }
}
