package io.vllmd.chat.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A macro, or the body of a call block, with the names that were in sight where it was defined. */
final class Macro implements Callable {
    private final Statement.Macro definition;
    private final Scope home;
    private final Renderer renderer;
    private final Evaluator evaluator;

    Macro(Statement.Macro definition, Scope home, Renderer renderer, Evaluator evaluator) {
        this.definition = definition;
        this.home = home;
        this.renderer = renderer;
        this.evaluator = evaluator;
    }

    @Override
    public Object call(CallArguments arguments) {
        Scope scope = new Scope(home);
        List<String> parameters = definition.signature().parameters();
        List<@Nullable Object> positional = arguments.positional();
        Map<String, @Nullable Object> rest = new LinkedHashMap<>(arguments.named());
        for (int i = 0; i < parameters.size(); i++) {
            String name = parameters.get(i);
            if (i < positional.size()) {
                scope.set(name, positional.get(i));
            } else if (rest.containsKey(name)) {
                scope.set(name, rest.remove(name));
            } else {
                Expression otherwise = definition.signature().defaultOf(i);
                scope.set(
                        name,
                        otherwise == null
                                ? new Undefined("parameter '" + name + "' was not provided")
                                : evaluator.evaluateIn(scope, otherwise));
            }
        }
        special(scope, parameters.size(), positional, rest);
        return renderer.capture(scope, definition.body());
    }

    private void special(
            Scope scope, int parameters, List<@Nullable Object> positional, Map<String, @Nullable Object> rest) {
        if (definition.usesCaller()) {
            scope.set(
                    "caller", rest.containsKey("caller") ? rest.remove("caller") : new Undefined("No caller defined"));
        }
        if (definition.usesKwargs()) {
            scope.set("kwargs", new LinkedHashMap<>(rest));
        } else if (!rest.isEmpty()) {
            throw TemplateException.evaluation("macro '" + definition.name() + "' takes no keyword argument '"
                    + rest.keySet().iterator().next() + "'");
        }
        int extra = positional.size() - parameters;
        if (definition.usesVarargs()) {
            scope.set(
                    "varargs",
                    new Tuple(extra > 0 ? positional.subList(parameters, positional.size()) : new ArrayList<>()));
        } else if (extra > 0) {
            throw TemplateException.evaluation(
                    "macro '" + definition.name() + "' takes not more than " + parameters + " argument(s)");
        }
    }
}
