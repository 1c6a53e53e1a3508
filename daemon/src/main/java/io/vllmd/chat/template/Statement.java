package io.vllmd.chat.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The syntax tree of a template: text, output and tags. Lines count from 1. */
sealed interface Statement {

    int line();

    record Text(String text, int line) implements Statement {}

    record Output(Expression value, int line) implements Statement {}

    record If(List<Branch> branches, List<Statement> otherwise, int line) implements Statement {}

    record Branch(Expression condition, List<Statement> body) {}

    record For(
            Expression target,
            Expression items,
            @Nullable Expression filter,
            boolean recursive,
            List<Statement> body,
            List<Statement> otherwise,
            int line)
            implements Statement {}

    record Assign(Expression target, Expression value, int line) implements Statement {}

    /** {@code {% set x %}…{% endset %}}. */
    record AssignBlock(Expression target, List<Expression.Filter> filters, List<Statement> body, int line)
            implements Statement {}

    /** A macro, with which of the names that Jinja fills by itself its text mentions. */
    record Macro(
            String name,
            Signature signature,
            List<Statement> body,
            boolean usesCaller,
            boolean usesVarargs,
            boolean usesKwargs,
            int line)
            implements Statement {}

    /** {@code {% call(parameters) macro(…) %}…{% endcall %}}; the body is the macro {@code caller}. */
    record CallBlock(Macro caller, Expression.Call call, int line) implements Statement {}

    record FilterBlock(List<Expression.Filter> filters, List<Statement> body, int line) implements Statement {}

    record With(List<Expression> targets, List<Expression> values, List<Statement> body, int line)
            implements Statement {}

    /** A body with names of its own, such as {@code {% generation %}}. */
    record Scoped(List<Statement> body, int line) implements Statement {}

    record Break(int line) implements Statement {}

    record Continue(int line) implements Statement {}

    /** A macro's parameters; the last {@code defaults.size()} of them may be left out. */
    record Signature(List<String> parameters, List<Expression> defaults) {
        static final Signature NONE = new Signature(List.of(), List.of());

        @Nullable
        Expression defaultOf(int parameter) {
            int i = parameter - (parameters.size() - defaults.size());
            return i < 0 ? null : defaults.get(i);
        }
    }
}
