package io.vllmd.chat.template;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Jinja's tests: {@code value is name(arguments)}. */
final class Tests {
    static final Set<String> NAMES = Set.of(
            "defined",
            "undefined",
            "none",
            "string",
            "mapping",
            "iterable",
            "sequence",
            "boolean",
            "true",
            "false",
            "number",
            "integer",
            "float",
            "callable",
            "odd",
            "even",
            "divisibleby",
            "eq",
            "equalto",
            "==",
            "ne",
            "!=",
            "gt",
            "greaterthan",
            ">",
            "ge",
            ">=",
            "lt",
            "lessthan",
            "<",
            "le",
            "<=",
            "in",
            "sameas",
            "upper",
            "lower",
            "escaped",
            "filter",
            "test");

    private final Budget budget;

    Tests(Budget budget) {
        this.budget = budget;
    }

    boolean holds(String name, @Nullable Object value, CallArguments arguments) {
        return switch (name) {
            case "eq", "equalto", "==" -> relation(Expression.Relation.EQUAL, name, value, arguments);
            case "ne", "!=" -> relation(Expression.Relation.NOT_EQUAL, name, value, arguments);
            case "gt", "greaterthan", ">" -> relation(Expression.Relation.GREATER, name, value, arguments);
            case "ge", ">=" -> relation(Expression.Relation.GREATER_OR_EQUAL, name, value, arguments);
            case "lt", "lessthan", "<" -> relation(Expression.Relation.LESS, name, value, arguments);
            case "le", "<=" -> relation(Expression.Relation.LESS_OR_EQUAL, name, value, arguments);
            case "in" -> relation(Expression.Relation.IN, name, value, arguments);
            case "sameas" -> same(value, arguments.bind(name, 1, "other").get(0));
            case "divisibleby" ->
                remainder(value, arguments.bind(name, 1, "num").get(0)).equals(0L);
            default -> {
                arguments.bind(name, 0);
                yield property(name, value);
            }
        };
    }

    private boolean relation(
            Expression.Relation relation, String name, @Nullable Object value, CallArguments arguments) {
        return Operators.holds(relation, value, arguments.bind(name, 1, "other").get(0), budget);
    }

    private boolean property(String name, @Nullable Object value) {
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value == null;
            case "string" -> Values.isText(value);
            case "mapping" -> value instanceof Map;
            case "iterable" ->
                isSequence(value)
                        || value instanceof DictView
                        || value instanceof Generator
                        || value instanceof LoopContext;
            case "sequence" -> isSequence(value);
            case "boolean" -> value instanceof Boolean;
            case "true" -> Boolean.TRUE.equals(value);
            case "false" -> Boolean.FALSE.equals(value);
            case "number" -> Numbers.isNumber(value);
            case "integer" -> Numbers.isInteger(value) && !(value instanceof Boolean);
            case "float" -> value instanceof Double;
            case "callable" -> value instanceof Callable || value instanceof Undefined;
            case "odd" -> remainder(value, 2L).equals(1L);
            case "even" -> remainder(value, 2L).equals(0L);
            case "upper" -> Strings.isCased(Repr.str(value), true);
            case "lower" -> Strings.isCased(Repr.str(value), false);
            case "escaped" -> value instanceof Markup;
            case "filter" -> value instanceof String s && Filters.NAMES.contains(s);
            case "test" -> value instanceof String s && NAMES.contains(s);
            default -> throw TemplateException.evaluation("No test named '" + name + "' found.");
        };
    }

    private static boolean isSequence(@Nullable Object value) {
        return Values.isText(value) || value instanceof List || value instanceof Map || value instanceof Undefined;
    }

    private Object remainder(@Nullable Object value, @Nullable Object divisor) {
        Object remainder = Operators.arithmetic(Expression.Operator.MODULO, value, divisor, budget);
        return remainder instanceof Double d && d == Math.rint(d) ? (Object) (long) d.doubleValue() : remainder;
    }

    /** Python's {@code is}: the same object; for what has no identity here, the same type and value. */
    @SuppressWarnings("ReferenceEquality")
    private static boolean same(@Nullable Object a, @Nullable Object b) {
        return a == b
                || (a != null
                        && b != null
                        && a.getClass() == b.getClass()
                        && (Numbers.isNumber(a) || a instanceof String)
                        && a.equals(b));
    }
}
