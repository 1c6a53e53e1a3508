package io.vllmd.chat.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Executes a template's statements and writes its text. One instance a rendering. */
final class Renderer {
    private enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    private final Budget budget;
    private final Evaluator evaluator;
    private StringBuilder out = new StringBuilder();

    Renderer(Map<String, ?> variables, Map<String, Callable> globals, Budget budget) {
        this.budget = budget;
        Map<String, @Nullable Object> names = HashMap.newHashMap(variables.size() + 8);
        variables.forEach((name, value) -> names.put(name, Values.of(value, budget.nesting())));
        this.evaluator = new Evaluator(new Scope(names, null), globals, budget);
    }

    String render(List<Statement> body) {
        // names set by the template get a scope of their own: a variable may be shadowed, never changed
        evaluator.scope(new Scope(evaluator.scope()));
        execute(body);
        return out.toString();
    }

    private Flow execute(List<Statement> body) {
        for (Statement statement : body) {
            Flow flow = execute(statement);
            if (flow != Flow.NEXT) {
                return flow;
            }
        }
        return Flow.NEXT;
    }

    private Flow execute(Statement statement) {
        budget.step();
        try {
            return switch (statement) {
                case Statement.Text s -> write(s.text());
                case Statement.Output s -> write(Repr.str(evaluator.evaluate(s.value())));
                case Statement.If s -> conditional(s);
                case Statement.For s -> {
                    loop(s, evaluator.evaluate(s.items()), 0);
                    yield Flow.NEXT;
                }
                case Statement.Assign s -> assign(s.target(), evaluator.evaluate(s.value()));
                case Statement.AssignBlock s ->
                    assign(s.target(), filtered(s.filters(), capture(new Scope(evaluator.scope()), s.body())));
                case Statement.FilterBlock s ->
                    write(Values.text(filtered(s.filters(), capture(new Scope(evaluator.scope()), s.body()))));
                case Statement.Macro s -> {
                    evaluator.scope().set(s.name(), macro(s));
                    yield Flow.NEXT;
                }
                case Statement.CallBlock s -> callBlock(s);
                case Statement.With s -> with(s);
                case Statement.Scoped s -> executeIn(new Scope(evaluator.scope()), s.body());
                case Statement.Break s -> Flow.BREAK;
                case Statement.Continue s -> Flow.CONTINUE;
            };
        } catch (TemplateException e) {
            throw e.at(statement.line());
        }
    }

    private Flow write(String text) {
        budget.write(out.length(), text.length());
        out.append(text);
        return Flow.NEXT;
    }

    private Flow conditional(Statement.If statement) {
        for (Statement.Branch branch : statement.branches()) {
            if (Values.truth(evaluator.evaluate(branch.condition()))) {
                return execute(branch.body());
            }
        }
        return execute(statement.otherwise());
    }

    private @Nullable Object filtered(List<Expression.Filter> filters, String text) {
        Object value = text;
        for (Expression.Filter filter : filters) {
            value = evaluator.filter(filter, value);
        }
        return value;
    }

    private Macro macro(Statement.Macro definition) {
        return new Macro(definition, evaluator.scope(), this, evaluator);
    }

    private Flow callBlock(Statement.CallBlock block) {
        CallArguments given = evaluator.arguments(block.call().arguments());
        Map<String, @Nullable Object> named = new LinkedHashMap<>(given.named());
        named.put("caller", macro(block.caller()));
        return write(Repr.str(evaluator.call(block.call(), new CallArguments(given.positional(), named))));
    }

    private Flow with(Statement.With block) {
        Scope inner = new Scope(evaluator.scope());
        for (int i = 0; i < block.targets().size(); i++) {
            Expression.Name target = (Expression.Name) block.targets().get(i);
            inner.set(target.name(), evaluator.evaluate(block.values().get(i)));
        }
        return executeIn(inner, block.body());
    }

    private Flow executeIn(Scope scope, List<Statement> body) {
        Scope saved = evaluator.scope();
        evaluator.scope(scope);
        try {
            return execute(body);
        } finally {
            evaluator.scope(saved);
        }
    }

    /** What a body writes. */
    String capture(Scope scope, List<Statement> body) {
        return captured(() -> executeIn(scope, body));
    }

    private String captured(Runnable writing) {
        StringBuilder saved = out;
        out = new StringBuilder();
        budget.enter();
        try {
            writing.run();
            return out.toString();
        } finally {
            budget.leave();
            out = saved;
        }
    }

    private void loop(Statement.For statement, @Nullable Object iterable, int depth) {
        Scope outer = evaluator.scope();
        List<@Nullable Object> items = Values.items(iterable, budget);
        if (statement.filter() != null) {
            items = select(statement, statement.filter(), items, outer);
        }
        if (items.isEmpty()) {
            executeIn(new Scope(outer), statement.otherwise());
            return;
        }
        UnaryOperator<@Nullable Object> recursion = inner -> captured(() -> {
            Scope saved = evaluator.scope();
            evaluator.scope(outer);
            loop(statement, inner, depth + 1);
            evaluator.scope(saved);
        });
        LoopContext loop = new LoopContext(items, depth, statement.recursive() ? recursion : null);
        try {
            for (int i = 0; i < items.size(); i++) {
                budget.step();
                loop.moveTo(i);
                evaluator.scope(new Scope(outer));
                evaluator.scope().set("loop", loop);
                assign(statement.target(), items.get(i));
                if (execute(statement.body()) == Flow.BREAK) {
                    break;
                }
            }
        } finally {
            evaluator.scope(outer);
        }
    }

    private List<@Nullable Object> select(
            Statement.For statement, Expression filter, List<@Nullable Object> items, Scope outer) {
        List<@Nullable Object> kept = new ArrayList<>();
        try {
            for (Object item : items) {
                evaluator.scope(new Scope(outer));
                assign(statement.target(), item);
                if (Values.truth(evaluator.evaluate(filter))) {
                    kept.add(item);
                }
            }
        } finally {
            evaluator.scope(outer);
        }
        return kept;
    }

    private Flow assign(Expression target, @Nullable Object value) {
        switch (target) {
            case Expression.Name name -> evaluator.scope().set(name.name(), value);
            case Expression.Attribute attribute -> {
                if (!(evaluator.evaluate(attribute.object()) instanceof Namespace namespace)) {
                    throw TemplateException.evaluation("cannot assign attribute on non-namespace object");
                }
                namespace.attributes().put(attribute.name(), value);
            }
            case Expression.Sequence several -> unpack(several.items(), value);
            default -> throw new IllegalStateException("the parser made a target of " + target);
        }
        return Flow.NEXT;
    }

    private void unpack(List<Expression> targets, @Nullable Object value) {
        if (value == null || value instanceof Boolean || value instanceof Number) {
            throw TemplateException.evaluation("cannot unpack non-iterable " + Values.typeName(value) + " object");
        }
        List<@Nullable Object> values = Values.items(value, budget);
        if (values.size() != targets.size()) {
            throw TemplateException.evaluation((values.size() > targets.size() ? "too many" : "not enough")
                    + " values to unpack (expected " + targets.size() + ", got " + values.size() + ")");
        }
        for (int i = 0; i < targets.size(); i++) {
            assign(targets.get(i), values.get(i));
        }
    }
}
