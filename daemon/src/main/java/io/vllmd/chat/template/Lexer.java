package io.vllmd.chat.template;

import io.vllmd.chat.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * Splits a template into tokens as Jinja2 does with {@code trim_blocks} and {@code lstrip_blocks} on: a newline
 * after a tag goes, and so does the white space before a tag that stands first on its line. Either is overruled by
 * {@code -} and {@code +} beside the tag's marks.
 */
final class Lexer {
    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private int line = 1;

    private Lexer(String text) {
        String unix = text.replace("\r\n", "\n").replace('\r', '\n');
        source = unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix;
    }

    static List<Token> tokens(String text) {
        Lexer lexer = new Lexer(text);
        lexer.template();
        return lexer.tokens;
    }

    private void template() {
        while (position < source.length()) {
            int at = nextMark(position);
            if (at < 0) {
                add(Kind.DATA, source.substring(position));
                break;
            }
            char mark = source.charAt(at + 1);
            char sign = at + 2 < source.length() ? source.charAt(at + 2) : 0;
            data(at, sign, mark != '{');
            position = at + 2;
            if (mark == '%' && rawBlock()) {
                continue;
            }
            if (sign == '-' || sign == '+') {
                position++;
            }
            switch (mark) {
                case '#' -> comment();
                case '%' -> tag(Kind.TAG_BEGIN, Kind.TAG_END, "%}");
                default -> tag(Kind.OUTPUT_BEGIN, Kind.OUTPUT_END, "}}");
            }
        }
        add(Kind.END, "");
    }

    private int nextMark(int from) {
        int last = source.length() - 1;
        for (int i = source.indexOf('{', from); i >= 0 && i < last; i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '{' || next == '%' || next == '#') {
                return i;
            }
        }
        return -1;
    }

    /** Emits the text before the mark at {@code end}, less the white space that the mark takes away. */
    private void data(int end, char sign, boolean stripsLine) {
        String text = source.substring(position, end);
        boolean lineStart = position == 0 || source.charAt(position - 1) == '\n';
        if (sign == '-') {
            text = Characters.stripTrailing(text);
        } else if (stripsLine && sign != '+') {
            int begin = text.lastIndexOf('\n') + 1;
            if ((begin > 0 || lineStart) && skipSpace(text, begin) == text.length()) {
                text = text.substring(0, begin);
            }
        }
        if (!text.isEmpty()) {
            add(Kind.DATA, text);
        }
        countLines(position, end);
    }

    private void comment() {
        int end = source.indexOf("#}", position);
        if (end < 0) {
            throw TemplateException.syntax("a comment '{#' has no end", line);
        }
        char sign = end > position ? source.charAt(end - 1) : 0;
        countLines(position, end);
        leave(end, sign, true);
    }

    /** Takes {@code raw %}…{% endraw %}} if that follows; the text in it is data, whatever it looks like. */
    private boolean rawBlock() {
        int i = position;
        if (i < source.length() && (source.charAt(i) == '-' || source.charAt(i) == '+')) {
            i++;
        }
        i = skipSpace(source, i);
        if (!source.startsWith("raw", i)) {
            return false;
        }
        i = skipSpace(source, i + 3);
        char sign = i < source.length() && source.charAt(i) == '-' ? '-' : '+';
        i = sign == '-' ? i + 1 : i;
        if (!source.startsWith("%}", i)) {
            return false;
        }
        countLines(position, i);
        leave(i, sign, true);
        int begin = position;
        for (int at = source.indexOf("{%", begin); at >= 0; at = source.indexOf("{%", at + 1)) {
            if (endRaw(at)) {
                return true;
            }
        }
        throw TemplateException.syntax("a 'raw' block has no 'endraw'", line);
    }

    private boolean endRaw(int at) {
        int i = at + 2;
        char open = i < source.length() ? source.charAt(i) : 0;
        if (open == '-' || open == '+') {
            i++;
        } else {
            open = 0;
        }
        i = skipSpace(source, i);
        if (!source.startsWith("endraw", i)) {
            return false;
        }
        i = skipSpace(source, i + 6);
        char close = i < source.length() ? source.charAt(i) : 0;
        if (close == '-' || close == '+') {
            i++;
        }
        if (!source.startsWith("%}", i)) {
            return false;
        }
        data(at, open, true);
        countLines(at, i);
        leave(i, close, true);
        return true;
    }

    /** Moves past a closing mark; {@code -} takes all white space after it, a tag or comment takes one newline. */
    private void leave(int mark, char sign, boolean takesNewline) {
        int after = mark + 2;
        position = after;
        if (sign == '-') {
            position = skipSpace(source, after);
        } else if (takesNewline && sign != '+' && after < source.length() && source.charAt(after) == '\n') {
            position++;
        }
        countLines(after, position);
    }

    private void tag(Kind begin, Kind end, String mark) {
        add(begin, "");
        TagLexer inside = new TagLexer(source, position, line, mark, tokens);
        inside.run();
        line = inside.line();
        add(end, "");
        leave(inside.position(), inside.sign(), end == Kind.TAG_END);
    }

    private static int skipSpace(String text, int from) {
        int i = from;
        while (i < text.length() && Characters.isSpace(text.charAt(i))) {
            i++;
        }
        return i;
    }

    private void countLines(int from, int to) {
        for (int i = source.indexOf('\n', from); i >= 0 && i < to; i = source.indexOf('\n', i + 1)) {
            line++;
        }
    }

    private void add(Kind kind, String text) {
        tokens.add(new Token(kind, text, line));
    }
}
