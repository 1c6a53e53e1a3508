package io.vllmd.chat.template;

import io.vllmd.chat.template.Expression.Arguments;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Evaluates expressions for one rendering. */
final class Evaluator {
    private final Budget budget;
    private final Map<String, Callable> globals;
    private final Members members;
    private final Filters filters;
    private Scope scope;

    Evaluator(Scope scope, Map<String, Callable> globals, Budget budget) {
        this.scope = scope;
        this.globals = globals;
        this.budget = budget;
        this.members = new Members(budget);
        this.filters = new Filters(members, budget);
    }

    Scope scope() {
        return scope;
    }

    void scope(Scope inner) {
        scope = inner;
    }

    @Nullable
    Object evaluateIn(Scope other, Expression expression) {
        Scope saved = scope;
        scope = other;
        try {
            return evaluate(expression);
        } finally {
            scope = saved;
        }
    }

    @Nullable
    Object evaluate(Expression expression) {
        budget.step();
        return switch (expression) {
            case Expression.Literal e -> e.value();
            case Expression.Name e -> scope.get(e.name(), globals);
            case Expression.Attribute e -> members.attribute(evaluate(e.object()), e.name());
            case Expression.Subscript e -> members.item(evaluate(e.object()), evaluate(e.key()));
            case Expression.Slice e ->
                Slices.slice(evaluate(e.object()), optional(e.from()), optional(e.to()), optional(e.step()), budget);
            case Expression.Call e -> call(e, arguments(e.arguments()));
            case Expression.Filter e -> filter(e, e.input() == null ? null : evaluate(e.input()));
            case Expression.Test e -> filters.tests().holds(e.name(), evaluate(e.input()), arguments(e.arguments()));
            case Expression.Not e -> !Values.truth(evaluate(e.operand()));
            case Expression.Sign e -> sign(e.minus(), evaluate(e.operand()));
            case Expression.And e -> {
                Object left = evaluate(e.left());
                yield Values.truth(left) ? evaluate(e.right()) : left;
            }
            case Expression.Or e -> {
                Object left = evaluate(e.left());
                yield Values.truth(left) ? left : evaluate(e.right());
            }
            case Expression.Arithmetic e ->
                Operators.arithmetic(e.operator(), evaluate(e.left()), evaluate(e.right()), budget);
            case Expression.Concatenation e -> concatenation(e);
            case Expression.Comparison e -> comparison(e);
            case Expression.Conditional e -> conditional(e);
            case Expression.Sequence e -> {
                List<@Nullable Object> items = evaluateAll(e.items());
                yield e.tuple() ? new Tuple(items) : items;
            }
            case Expression.Dict e -> dict(e);
        };
    }

    private @Nullable Object optional(@Nullable Expression expression) {
        return expression == null ? null : evaluate(expression);
    }

    private List<@Nullable Object> evaluateAll(List<Expression> expressions) {
        List<@Nullable Object> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(evaluate(expression));
        }
        return values;
    }

    private static Object sign(boolean minus, @Nullable Object value) {
        Operators.defined(value);
        if (value == null || !Numbers.isNumber(value)) {
            throw TemplateException.evaluation(
                    "bad operand type for unary " + (minus ? "-" : "+") + ": '" + Values.typeName(value) + "'");
        }
        if (value instanceof Double d) {
            return minus ? -d : d;
        }
        return Numbers.arithmetic(minus ? Expression.Operator.SUBTRACT : Expression.Operator.ADD, 0L, value);
    }

    private String concatenation(Expression.Concatenation expression) {
        StringBuilder text = new StringBuilder();
        for (Expression part : expression.parts()) {
            text.append(Repr.str(evaluate(part)));
        }
        budget.text(text.length());
        return text.toString();
    }

    private Object comparison(Expression.Comparison expression) {
        Object left = evaluate(expression.first());
        for (int i = 0; i < expression.relations().size(); i++) {
            Object right = evaluate(expression.operands().get(i));
            if (!Operators.holds(expression.relations().get(i), left, right, budget)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private @Nullable Object conditional(Expression.Conditional expression) {
        if (Values.truth(evaluate(expression.condition()))) {
            return evaluate(expression.then());
        }
        return expression.otherwise() == null
                ? new Undefined("the inline if-expression evaluated to false and no else section was defined")
                : evaluate(expression.otherwise());
    }

    private Object dict(Expression.Dict expression) {
        Map<@Nullable Object, @Nullable Object> dict = new LinkedHashMap<>();
        for (int i = 0; i < expression.keys().size(); i++) {
            Object key = Values.key(evaluate(expression.keys().get(i)));
            dict.put(key, evaluate(expression.values().get(i)));
        }
        return dict;
    }

    @Nullable
    Object filter(Expression.Filter filter, @Nullable Object input) {
        return filters.apply(filter.name(), input, arguments(filter.arguments()));
    }

    @Nullable
    Object call(Expression.Call call, CallArguments arguments) {
        if (call.function() instanceof Expression.Attribute method) {
            return members.call(evaluate(method.object()), method.name(), arguments, this::callValue);
        }
        return callValue(evaluate(call.function()), arguments);
    }

    private @Nullable Object callValue(@Nullable Object function, CallArguments arguments) {
        return switch (function) {
            case Callable callable -> {
                budget.enter();
                Object result = callable.call(arguments);
                budget.leave();
                yield result;
            }
            case Undefined undefined -> throw undefined.failure();
            case null -> throw notCallable(null);
            default -> throw notCallable(function);
        };
    }

    private static TemplateException notCallable(@Nullable Object value) {
        return TemplateException.evaluation("'" + Values.typeName(value) + "' object is not callable");
    }

    CallArguments arguments(Arguments arguments) {
        if (arguments.isEmpty()) {
            return CallArguments.NONE;
        }
        List<@Nullable Object> positional = evaluateAll(arguments.positional());
        if (arguments.spread() != null) {
            positional.addAll(Values.items(evaluate(arguments.spread()), budget));
        }
        if (arguments.names().isEmpty() && arguments.spreadNamed() == null) {
            return CallArguments.of(positional);
        }
        Map<String, @Nullable Object> named = new LinkedHashMap<>();
        for (int i = 0; i < arguments.names().size(); i++) {
            named.put(arguments.names().get(i), evaluate(arguments.named().get(i)));
        }
        if (arguments.spreadNamed() != null) {
            spread(evaluate(arguments.spreadNamed()), named);
        }
        return new CallArguments(positional, named);
    }

    private static void spread(@Nullable Object value, Map<String, @Nullable Object> named) {
        if (!(value instanceof Map<?, ?> map)) {
            throw TemplateException.evaluation("argument after ** must be a mapping, not " + Values.typeName(value));
        }
        map.forEach((key, each) -> {
            if (!(key instanceof String name)) {
                throw TemplateException.evaluation("keywords must be strings");
            }
            named.put(name, each);
        });
    }
}
