package io.vllmd.chat.template;

import io.vllmd.chat.template.Token.Kind;
import java.util.List;

/** A place in the tokens of a template, with the bound on nesting that both parsers share. */
final class TokenCursor {
    private final List<Token> tokens;
    private final int nesting;
    private int index;
    private int depth;

    TokenCursor(List<Token> tokens, int nesting) {
        this.tokens = tokens;
        this.nesting = nesting;
    }

    Token current() {
        return tokens.get(index);
    }

    /** The one after the current. */
    Token following() {
        return tokens.get(Math.min(index + 1, tokens.size() - 1));
    }

    /** Takes the current one; the end is never passed. */
    Token next() {
        Token token = tokens.get(index);
        if (token.kind() != Kind.END) {
            index++;
        }
        return token;
    }

    boolean at(Kind kind) {
        return current().kind() == kind;
    }

    boolean atOperator(String operator) {
        return current().isOperator(operator);
    }

    boolean atName(String name) {
        return current().isName(name);
    }

    boolean takeOperator(String operator) {
        if (atOperator(operator)) {
            next();
            return true;
        }
        return false;
    }

    boolean takeName(String name) {
        if (atName(name)) {
            next();
            return true;
        }
        return false;
    }

    Token expect(Kind kind) {
        if (!at(kind)) {
            throw fail("expected " + kind.words() + ", found " + current().words());
        }
        return next();
    }

    void expectOperator(String operator) {
        if (!takeOperator(operator)) {
            throw fail("expected '" + operator + "', found " + current().words());
        }
    }

    int index() {
        return index;
    }

    /** Whether a name stands between an earlier place and this one. */
    boolean mentionedSince(int begin, String name) {
        return tokens.subList(begin, index).stream().anyMatch(token -> token.isName(name));
    }

    void enter() {
        if (++depth > nesting) {
            throw TemplateException.limit("the template's text is nested more than " + nesting + " deep")
                    .at(current().line());
        }
    }

    void leave() {
        depth--;
    }

    TemplateException fail(String reason) {
        return TemplateException.syntax(reason, current().line());
    }
}
