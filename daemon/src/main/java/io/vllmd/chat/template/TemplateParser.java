package io.vllmd.chat.template;

import io.vllmd.chat.template.Statement.Signature;
import io.vllmd.chat.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/** Parses a template's text, output and tags. */
final class TemplateParser {
    private final TokenCursor cursor;
    private final ExpressionParser expressions;

    private TemplateParser(TokenCursor cursor) {
        this.cursor = cursor;
        this.expressions = new ExpressionParser(cursor);
    }

    /**
     * @throws TemplateException SYNTAX, or LIMIT where the text is too long or too deeply nested
     */
    static List<Statement> parse(String source, Limits limits) {
        if (source.length() > limits.sourceChars()) {
            throw TemplateException.limit("the template is longer than " + limits.sourceChars() + " characters");
        }
        TokenCursor cursor = new TokenCursor(Lexer.tokens(source), limits.nesting());
        return new TemplateParser(cursor).body();
    }

    /** Statements up to one of these tags; the cursor then stands on the tag's name. No tags: up to the end. */
    private List<Statement> body(String... endTags) {
        cursor.enter();
        List<Statement> statements = new ArrayList<>();
        while (true) {
            Token token = cursor.next();
            switch (token.kind()) {
                case DATA -> statements.add(new Statement.Text(token.text(), token.line()));
                case OUTPUT_BEGIN -> {
                    statements.add(new Statement.Output(expressions.tuple(true), token.line()));
                    cursor.expect(Kind.OUTPUT_END);
                }
                case TAG_BEGIN -> {
                    for (String end : endTags) {
                        if (cursor.atName(end)) {
                            cursor.leave();
                            return List.copyOf(statements);
                        }
                    }
                    statements.add(statement(token.line()));
                    cursor.expect(Kind.TAG_END);
                }
                default -> {
                    if (endTags.length > 0) {
                        throw cursor.fail(
                                "the template ends where '" + String.join("' or '", endTags) + "' is missing");
                    }
                    cursor.leave();
                    return List.copyOf(statements);
                }
            }
        }
    }

    /** The rest of the opening tag, the body, and the closing tag's name. */
    private List<Statement> bodyUntil(String endTag) {
        cursor.expect(Kind.TAG_END);
        List<Statement> body = body(endTag);
        cursor.next();
        return body;
    }

    private Statement statement(int line) {
        Token tag = cursor.expect(Kind.NAME);
        return switch (tag.text()) {
            case "if" -> conditional(line);
            case "for" -> loop(line);
            case "set" -> assignment(line);
            case "macro" -> macro(line);
            case "call" -> callBlock(line);
            case "filter" -> new Statement.FilterBlock(filters(true), bodyUntil("endfilter"), line);
            case "with" -> with(line);
            case "generation" -> new Statement.Scoped(bodyUntil("endgeneration"), line);
            case "break" -> new Statement.Break(line);
            case "continue" -> new Statement.Continue(line);
            case "include", "import", "from", "extends", "block", "autoescape" ->
                throw TemplateException.syntax("the tag '" + tag.text() + "' has no use in a chat template", line);
            default -> throw TemplateException.syntax("unknown tag '" + tag.text() + "'", line);
        };
    }

    private Statement conditional(int line) {
        List<Statement.Branch> branches = new ArrayList<>();
        do {
            Expression condition = expressions.tuple(false);
            cursor.expect(Kind.TAG_END);
            branches.add(new Statement.Branch(condition, body("elif", "else", "endif")));
        } while (cursor.takeName("elif"));
        boolean otherwise = cursor.next().isName("else");
        return new Statement.If(List.copyOf(branches), otherwise ? bodyUntil("endif") : List.of(), line);
    }

    private Statement loop(int line) {
        Expression target = target(true, false);
        if (!cursor.takeName("in")) {
            throw cursor.fail("expected 'in', found " + cursor.current().words());
        }
        Expression items = expressions.tuple(false);
        Expression filter = cursor.takeName("if") ? expressions.expression() : null;
        boolean recursive = cursor.takeName("recursive");
        cursor.expect(Kind.TAG_END);
        List<Statement> body = body("else", "endfor");
        boolean otherwise = cursor.next().isName("else");
        return new Statement.For(
                target, items, filter, recursive, body, otherwise ? bodyUntil("endfor") : List.of(), line);
    }

    private Statement assignment(int line) {
        Expression target = target(true, true);
        if (cursor.takeOperator("=")) {
            return new Statement.Assign(target, expressions.tuple(true), line);
        }
        return new Statement.AssignBlock(target, filters(false), bodyUntil("endset"), line);
    }

    /** A name, an attribute of a namespace, or several of them. */
    private Expression target(boolean several, boolean attributes) {
        List<Expression> names = new ArrayList<>();
        boolean comma = false;
        boolean parentheses = several && cursor.takeOperator("(");
        while (cursor.at(Kind.NAME) && !(comma && cursor.atName("in"))) {
            String name = cursor.next().text();
            if (List.of("true", "True", "false", "False", "none", "None").contains(name)) {
                throw cursor.fail("cannot assign to '" + name + "'");
            }
            Expression target = new Expression.Name(name);
            if (attributes && cursor.takeOperator(".")) {
                target = new Expression.Attribute(
                        target, cursor.expect(Kind.NAME).text());
            }
            names.add(target);
            if (!several || !cursor.takeOperator(",")) {
                break;
            }
            comma = true;
        }
        if (parentheses) {
            cursor.expectOperator(")");
        }
        if (names.isEmpty()) {
            throw cursor.fail(
                    "expected a name to assign to, found " + cursor.current().words());
        }
        return comma ? new Expression.Sequence(List.copyOf(names), true) : names.getFirst();
    }

    private Statement macro(int line) {
        String name = cursor.expect(Kind.NAME).text();
        Signature signature = signature();
        Statement.Macro macro = macroBody(name, signature, "endmacro", line);
        if (cursor.at(Kind.NAME)) {
            cursor.next();
        }
        return macro;
    }

    private Statement callBlock(int line) {
        Signature signature = cursor.atOperator("(") ? signature() : Signature.NONE;
        if (!(expressions.expression() instanceof Expression.Call call)) {
            throw cursor.fail("expected a call");
        }
        return new Statement.CallBlock(macroBody("caller", signature, "endcall", line), call, line);
    }

    private Statement.Macro macroBody(String name, Signature signature, String endTag, int line) {
        int begin = cursor.index();
        List<Statement> body = bodyUntil(endTag);
        return new Statement.Macro(
                name,
                signature,
                body,
                cursor.mentionedSince(begin, "caller"),
                cursor.mentionedSince(begin, "varargs"),
                cursor.mentionedSince(begin, "kwargs"),
                line);
    }

    private Signature signature() {
        cursor.expectOperator("(");
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        while (!cursor.takeOperator(")")) {
            if (!parameters.isEmpty()) {
                cursor.expectOperator(",");
            }
            String name = cursor.expect(Kind.NAME).text();
            parameters.add(name);
            if (cursor.takeOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw cursor.fail("parameter '" + name + "' without a default follows one with a default");
            }
        }
        return new Signature(List.copyOf(parameters), List.copyOf(defaults));
    }

    private Statement with(int line) {
        List<Expression> targets = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!cursor.at(Kind.TAG_END)) {
            if (!targets.isEmpty()) {
                cursor.expectOperator(",");
            }
            targets.add(target(false, false));
            cursor.expectOperator("=");
            values.add(expressions.expression());
        }
        return new Statement.With(List.copyOf(targets), List.copyOf(values), bodyUntil("endwith"), line);
    }

    /** {@code a|b|c}, with or without the first bar. */
    private List<Expression.Filter> filters(boolean firstBare) {
        List<Expression.Filter> filters = new ArrayList<>();
        if (firstBare) {
            filters.add(expressions.postfix().filter(null));
        }
        while (cursor.takeOperator("|")) {
            filters.add(expressions.postfix().filter(null));
        }
        return List.copyOf(filters);
    }
}
