package io.vllmd.chat.template;

import io.vllmd.chat.template.Expression.Operator;
import io.vllmd.chat.template.Expression.Relation;
import io.vllmd.chat.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Parses expressions with the precedence of Jinja2: {@code not} above tests, filters above signs, {@code ~} above +. */
final class ExpressionParser {
    private final TokenCursor cursor;
    private final PostfixParser postfix;

    ExpressionParser(TokenCursor cursor) {
        this.cursor = cursor;
        this.postfix = new PostfixParser(cursor, this);
    }

    PostfixParser postfix() {
        return postfix;
    }

    /** One expression, or a tuple of several with commas between. */
    Expression tuple(boolean conditional) {
        List<Expression> items = new ArrayList<>();
        boolean comma = false;
        while (!atTupleEnd()) {
            items.add(conditional ? expression() : or());
            if (!cursor.takeOperator(",")) {
                break;
            }
            comma = true;
        }
        if (comma) {
            return new Expression.Sequence(List.copyOf(items), true);
        }
        if (items.isEmpty()) {
            throw cursor.fail(
                    "expected an expression, found " + cursor.current().words());
        }
        return items.getFirst();
    }

    private boolean atTupleEnd() {
        return cursor.at(Kind.OUTPUT_END)
                || cursor.at(Kind.TAG_END)
                || cursor.atOperator(")")
                || cursor.atName("recursive");
    }

    Expression expression() {
        cursor.enter();
        Expression result = or();
        while (cursor.takeName("if")) {
            Expression condition = or();
            Expression otherwise = cursor.takeName("else") ? expression() : null;
            result = new Expression.Conditional(condition, result, otherwise);
        }
        cursor.leave();
        return result;
    }

    Expression or() {
        Expression left = and();
        while (cursor.takeName("or")) {
            left = new Expression.Or(left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (cursor.takeName("and")) {
            left = new Expression.And(left, not());
        }
        return left;
    }

    private Expression not() {
        if (!cursor.takeName("not")) {
            return comparison();
        }
        cursor.enter();
        Expression operand = not();
        cursor.leave();
        return new Expression.Not(operand);
    }

    private Expression comparison() {
        Expression first = sum();
        List<Relation> relations = new ArrayList<>();
        List<Expression> operands = new ArrayList<>();
        for (Relation relation = relation(); relation != null; relation = relation()) {
            relations.add(relation);
            operands.add(sum());
        }
        return relations.isEmpty()
                ? first
                : new Expression.Comparison(first, List.copyOf(relations), List.copyOf(operands));
    }

    private @Nullable Relation relation() {
        Token token = cursor.current();
        if (token.isName("not") && cursor.following().isName("in")) {
            cursor.next();
            cursor.next();
            return Relation.NOT_IN;
        }
        if (token.kind() != Kind.OPERATOR && !token.isName("in")) {
            return null;
        }
        Relation relation = Relation.of(token.text());
        if (relation != null) {
            cursor.next();
        }
        return relation;
    }

    private Expression sum() {
        Expression left = concatenation();
        while (true) {
            if (cursor.takeOperator("+")) {
                left = new Expression.Arithmetic(Operator.ADD, left, concatenation());
            } else if (cursor.takeOperator("-")) {
                left = new Expression.Arithmetic(Operator.SUBTRACT, left, concatenation());
            } else {
                return left;
            }
        }
    }

    private Expression concatenation() {
        Expression first = product();
        if (!cursor.atOperator("~")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>();
        parts.add(first);
        while (cursor.takeOperator("~")) {
            parts.add(product());
        }
        return new Expression.Concatenation(List.copyOf(parts));
    }

    private Expression product() {
        Expression left = power();
        while (true) {
            if (cursor.takeOperator("*")) {
                left = new Expression.Arithmetic(Operator.MULTIPLY, left, power());
            } else if (cursor.takeOperator("/")) {
                left = new Expression.Arithmetic(Operator.DIVIDE, left, power());
            } else if (cursor.takeOperator("//")) {
                left = new Expression.Arithmetic(Operator.FLOOR_DIVIDE, left, power());
            } else if (cursor.takeOperator("%")) {
                left = new Expression.Arithmetic(Operator.MODULO, left, power());
            } else {
                return left;
            }
        }
    }

    /** Jinja's power binds to the left, unlike Python's. */
    private Expression power() {
        Expression left = unary(true);
        while (cursor.takeOperator("**")) {
            left = new Expression.Arithmetic(Operator.POWER, left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean withFilters) {
        Expression result;
        if (cursor.atOperator("-") || cursor.atOperator("+")) {
            boolean minus = cursor.next().isOperator("-");
            cursor.enter();
            result = new Expression.Sign(minus, unary(false));
            cursor.leave();
        } else {
            result = postfix.primary();
        }
        result = postfix.suffixes(result);
        return withFilters ? postfix.filtersAndTests(result) : result;
    }
}
