package io.vllmd.chat.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The syntax tree of an expression. */
sealed interface Expression {

    record Literal(@Nullable Object value) implements Expression {}

    record Name(String name) implements Expression {}

    /** A list, or a tuple. */
    record Sequence(List<Expression> items, boolean tuple) implements Expression {}

    record Dict(List<Expression> keys, List<Expression> values) implements Expression {}

    record Attribute(Expression object, String name) implements Expression {}

    record Subscript(Expression object, Expression key) implements Expression {}

    record Slice(
            Expression object,
            @Nullable Expression from,
            @Nullable Expression to,
            @Nullable Expression step) implements Expression {}

    record Call(Expression function, Arguments arguments) implements Expression {}

    /** A filter's use; the input is null where a block gives it. */
    record Filter(@Nullable Expression input, String name, Arguments arguments) implements Expression {}

    record Test(Expression input, String name, Arguments arguments) implements Expression {}

    record Not(Expression operand) implements Expression {}

    record Sign(boolean minus, Expression operand) implements Expression {}

    record And(Expression left, Expression right) implements Expression {}

    record Or(Expression left, Expression right) implements Expression {}

    record Arithmetic(Operator operator, Expression left, Expression right) implements Expression {}

    /** {@code a ~ b ~ c}. */
    record Concatenation(List<Expression> parts) implements Expression {}

    /** {@code first op operand op operand …}: true where every neighbouring pair is. */
    record Comparison(Expression first, List<Relation> relations, List<Expression> operands) implements Expression {}

    /** {@code then if condition else otherwise}. */
    record Conditional(
            Expression condition, Expression then, @Nullable Expression otherwise) implements Expression {}

    /** What stands between a call's parentheses. */
    record Arguments(
            List<Expression> positional,
            List<String> names,
            List<Expression> named,
            @Nullable Expression spread,
            @Nullable Expression spreadNamed) {
        static final Arguments NONE = new Arguments(List.of(), List.of(), List.of(), null, null);

        boolean isEmpty() {
            return positional.isEmpty() && names.isEmpty() && spread == null && spreadNamed == null;
        }
    }

    enum Operator {
        ADD("+"),
        SUBTRACT("-"),
        MULTIPLY("*"),
        DIVIDE("/"),
        FLOOR_DIVIDE("//"),
        MODULO("%"),
        POWER("**");

        private final String symbol;

        Operator(String symbol) {
            this.symbol = symbol;
        }

        String symbol() {
            return symbol;
        }
    }

    enum Relation {
        EQUAL("=="),
        NOT_EQUAL("!="),
        LESS("<"),
        LESS_OR_EQUAL("<="),
        GREATER(">"),
        GREATER_OR_EQUAL(">="),
        IN("in"),
        NOT_IN("not in");

        private final String symbol;

        Relation(String symbol) {
            this.symbol = symbol;
        }

        static @Nullable Relation of(String symbol) {
            return switch (symbol) {
                case "==" -> EQUAL;
                case "!=" -> NOT_EQUAL;
                case "<" -> LESS;
                case "<=" -> LESS_OR_EQUAL;
                case ">" -> GREATER;
                case ">=" -> GREATER_OR_EQUAL;
                case "in" -> IN;
                default -> null;
            };
        }

        String symbol() {
            return symbol;
        }
    }
}
