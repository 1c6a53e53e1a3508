package io.vllmd.chat.template;

import io.vllmd.chat.template.Expression.Arguments;
import io.vllmd.chat.template.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Parses literals and what follows a value: attributes, subscripts, calls, filters, tests. */
final class PostfixParser {
    private final TokenCursor cursor;
    private final ExpressionParser expressions;

    PostfixParser(TokenCursor cursor, ExpressionParser expressions) {
        this.cursor = cursor;
        this.expressions = expressions;
    }

    Expression primary() {
        Token token = cursor.current();
        return switch (token.kind()) {
            case NAME -> {
                cursor.next();
                yield switch (token.text()) {
                    case "true", "True" -> new Expression.Literal(true);
                    case "false", "False" -> new Expression.Literal(false);
                    case "none", "None" -> new Expression.Literal(null);
                    default -> new Expression.Name(token.text());
                };
            }
            case STRING -> {
                StringBuilder text = new StringBuilder();
                while (cursor.at(Kind.STRING)) {
                    text.append(cursor.next().text());
                }
                yield new Expression.Literal(text.toString());
            }
            case INTEGER -> integer();
            case FLOAT ->
                new Expression.Literal(Double.parseDouble(cursor.next().text()));
            case OPERATOR -> bracketed(token);
            default -> throw cursor.fail("expected an expression, found " + token.words());
        };
    }

    private Expression integer() {
        return new Expression.Literal(
                Numbers.shrink(new BigInteger(cursor.expect(Kind.INTEGER).text())));
    }

    private Expression bracketed(Token token) {
        if (cursor.takeOperator("(")) {
            if (cursor.takeOperator(")")) {
                return new Expression.Sequence(List.of(), true);
            }
            cursor.enter();
            Expression inside = expressions.tuple(true);
            cursor.leave();
            cursor.expectOperator(")");
            return inside;
        }
        if (cursor.takeOperator("[")) {
            List<Expression> items = new ArrayList<>();
            while (!cursor.takeOperator("]")) {
                items.add(expressions.expression());
                if (!cursor.atOperator("]")) {
                    cursor.expectOperator(",");
                }
            }
            return new Expression.Sequence(List.copyOf(items), false);
        }
        if (cursor.takeOperator("{")) {
            List<Expression> keys = new ArrayList<>();
            List<Expression> values = new ArrayList<>();
            while (!cursor.takeOperator("}")) {
                keys.add(expressions.expression());
                cursor.expectOperator(":");
                values.add(expressions.expression());
                if (!cursor.atOperator("}")) {
                    cursor.expectOperator(",");
                }
            }
            return new Expression.Dict(List.copyOf(keys), List.copyOf(values));
        }
        throw cursor.fail("expected an expression, found " + token.words());
    }

    /** Attributes, subscripts and calls. */
    Expression suffixes(Expression value) {
        Expression result = value;
        int links = 0;
        try {
            while (true) {
                if (cursor.takeOperator(".")) {
                    result = cursor.at(Kind.INTEGER)
                            ? new Expression.Subscript(result, integer())
                            : new Expression.Attribute(
                                    result, cursor.expect(Kind.NAME).text());
                } else if (cursor.takeOperator("[")) {
                    result = subscript(result);
                } else if (cursor.atOperator("(")) {
                    result = new Expression.Call(result, arguments());
                } else {
                    return result;
                }
                cursor.enter();
                links++;
            }
        } finally {
            for (; links > 0; links--) {
                cursor.leave();
            }
        }
    }

    private Expression subscript(Expression object) {
        List<Expression> keys = new ArrayList<>();
        while (!cursor.takeOperator("]")) {
            if (!keys.isEmpty()) {
                cursor.expectOperator(",");
            }
            Expression from = cursor.atOperator(":") ? null : expressions.expression();
            if (!cursor.takeOperator(":")) {
                keys.add(java.util.Objects.requireNonNull(from));
                continue;
            }
            Expression to = sliceEnd() || cursor.atOperator(":") ? null : expressions.expression();
            Expression step = cursor.takeOperator(":") && !sliceEnd() ? expressions.expression() : null;
            if (keys.isEmpty() && cursor.takeOperator("]")) {
                return new Expression.Slice(object, from, to, step);
            }
            throw cursor.fail("a slice cannot be one of several subscripts");
        }
        return new Expression.Subscript(
                object, keys.size() == 1 ? keys.getFirst() : new Expression.Sequence(List.copyOf(keys), true));
    }

    private boolean sliceEnd() {
        return cursor.atOperator("]") || cursor.atOperator(",");
    }

    /** Filters, tests and calls of their results. */
    Expression filtersAndTests(Expression value) {
        Expression result = value;
        int links = 0;
        try {
            while (true) {
                if (cursor.takeOperator("|")) {
                    result = filter(result);
                } else if (cursor.takeName("is")) {
                    result = test(result);
                } else if (cursor.atOperator("(")) {
                    result = new Expression.Call(result, arguments());
                } else {
                    return result;
                }
                cursor.enter();
                links++;
            }
        } finally {
            for (; links > 0; links--) {
                cursor.leave();
            }
        }
    }

    /** A filter's name and arguments, after the bar. */
    Expression.Filter filter(@Nullable Expression input) {
        String name = dottedName();
        return new Expression.Filter(input, name, cursor.atOperator("(") ? arguments() : Arguments.NONE);
    }

    private Expression test(Expression input) {
        boolean negated = cursor.takeName("not");
        String name = dottedName();
        Arguments arguments = Arguments.NONE;
        if (cursor.atOperator("(")) {
            arguments = arguments();
        } else if (atTestArgument()) {
            if (cursor.atName("is")) {
                throw cursor.fail("tests cannot be chained with 'is'");
            }
            cursor.enter();
            arguments = new Arguments(List.of(suffixes(primary())), List.of(), List.of(), null, null);
            cursor.leave();
        }
        Expression test = new Expression.Test(input, name, arguments);
        return negated ? new Expression.Not(test) : test;
    }

    /** Whether an argument follows a test's name without parentheses, as in {@code x is divisibleby 3}. */
    private boolean atTestArgument() {
        return switch (cursor.current().kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> cursor.atOperator("[") || cursor.atOperator("{");
            case NAME -> !cursor.atName("else") && !cursor.atName("or") && !cursor.atName("and");
            default -> false;
        };
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(cursor.expect(Kind.NAME).text());
        while (cursor.takeOperator(".")) {
            name.append('.').append(cursor.expect(Kind.NAME).text());
        }
        return name.toString();
    }

    Arguments arguments() {
        cursor.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<Expression> named = new ArrayList<>();
        Expression spread = null;
        Expression spreadNamed = null;
        while (!cursor.takeOperator(")")) {
            if (cursor.atOperator("*") && spread == null && spreadNamed == null) {
                cursor.next();
                spread = expressions.expression();
            } else if (cursor.atOperator("**") && spreadNamed == null) {
                cursor.next();
                spreadNamed = expressions.expression();
            } else if (cursor.at(Kind.NAME) && cursor.following().isOperator("=") && spreadNamed == null) {
                names.add(cursor.next().text());
                cursor.next();
                named.add(expressions.expression());
            } else if (names.isEmpty() && spread == null && spreadNamed == null) {
                positional.add(expressions.expression());
            } else {
                throw cursor.fail("a call's arguments must come in the order positional, named, '*', '**'");
            }
            if (!cursor.atOperator(")")) {
                cursor.expectOperator(",");
            }
        }
        return new Arguments(List.copyOf(positional), List.copyOf(names), List.copyOf(named), spread, spreadNamed);
    }
}
