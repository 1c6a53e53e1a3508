package io.vllmd.chat.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Attributes and items of values, by the rules of Jinja's immutable sandbox: {@code a.b} looks for a method first,
 * {@code a['b']} for a key first, and what would change a list or dict is refused.
 */
final class Members {
    private static final Set<String> LIST_MUTATORS =
            Set.of("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse");
    private static final Set<String> DICT_MUTATORS = Set.of("pop", "update", "clear", "setdefault", "popitem");

    private final Budget budget;

    Members(Budget budget) {
        this.budget = budget;
    }

    /** {@code object.name}. */
    @Nullable
    Object attribute(@Nullable Object object, String name) {
        if (object instanceof Namespace namespace) {
            return namespaceAttribute(namespace, name);
        }
        if (object instanceof LoopContext loop) {
            return loop.attribute(name);
        }
        Object member = method(object, name);
        if (member != null) {
            return member;
        }
        return object instanceof Map<?, ?> dict && dict.containsKey(name) ? dict.get(name) : missing(object, name);
    }

    /** {@code object[key]}. */
    @Nullable
    Object item(@Nullable Object object, @Nullable Object key) {
        if (object instanceof Map<?, ?> dict) {
            Object dictKey =
                    key instanceof List || key instanceof Map ? Undefined.member(object, key) : Values.key(key);
            if (dict.containsKey(dictKey)) {
                return dict.get(dictKey);
            }
        } else if (object instanceof Undefined undefined) {
            throw undefined.failure();
        } else if (object != null && Numbers.isInteger(key) && key != null) {
            return Slices.item(object, key);
        }
        if (Values.isText(key)) {
            String name = Values.text(key);
            if (object instanceof Namespace namespace) {
                return namespaceAttribute(namespace, name);
            }
            if (object instanceof LoopContext loop) {
                return loop.attribute(name);
            }
            Object member = method(object, name);
            return member != null ? member : missing(object, name);
        }
        return Undefined.member(object, key == null ? "None" : key);
    }

    /** Calls a method without making an object of it first, where the receiver has one of this name. */
    @Nullable
    Object call(@Nullable Object object, String name, CallArguments arguments, Calls calls) {
        if (Values.isText(object) && object != null && StringMethods.NAMES.contains(name)) {
            return StringMethods.call(object, name, arguments, budget);
        }
        return calls.call(attribute(object, name), arguments);
    }

    private static Undefined missing(@Nullable Object object, String name) {
        return name.startsWith("__") ? unsafe(Values.typeName(object), name) : Undefined.member(object, name);
    }

    private static Undefined unsafe(String type, String name) {
        return new Undefined("access to attribute '" + name + "' of '" + type + "' object is unsafe.");
    }

    /** What {@code object} has under this name in Python itself, or null. */
    private @Nullable Object method(@Nullable Object object, String name) {
        return switch (object) {
            case Map<?, ?> dict -> dictMethod(dict, name);
            case String s -> stringMethod(s, name);
            case Markup m -> stringMethod(m, name);
            case List<?> list -> listMethod(list, name);
            case Undefined undefined -> throw undefined.failure();
            case null -> null;
            default -> null;
        };
    }

    private static @Nullable Object namespaceAttribute(Namespace namespace, String name) {
        return namespace.attributes().containsKey(name) ? namespace.attributes().get(name) : missing(namespace, name);
    }

    private @Nullable Callable stringMethod(Object receiver, String name) {
        return StringMethods.NAMES.contains(name)
                ? arguments -> StringMethods.call(receiver, name, arguments, budget)
                : null;
    }

    private @Nullable Object listMethod(List<?> list, String name) {
        Object named = list instanceof Tuple tuple ? tuple.attribute(name) : null;
        if (named != null) {
            return named;
        }
        if (name.equals("index")) {
            return (Callable) arguments -> {
                Object wanted = arguments.bind("index", 1, "value").get(0);
                budget.steps(list.size());
                for (int i = 0; i < list.size(); i++) {
                    if (Operators.equal(list.get(i), wanted)) {
                        return (long) i;
                    }
                }
                throw TemplateException.evaluation(Repr.of(wanted) + " is not in list");
            };
        }
        if (name.equals("count")) {
            return (Callable) arguments -> {
                Object wanted = arguments.bind("count", 1, "value").get(0);
                budget.steps(list.size());
                return list.stream()
                        .filter(item -> Operators.equal(item, wanted))
                        .count();
            };
        }
        if (list instanceof Tuple || list instanceof RangeList) {
            return null;
        }
        if (name.equals("copy")) {
            return (Callable) arguments -> {
                budget.elements(list.size());
                return new ArrayList<@Nullable Object>(list);
            };
        }
        return LIST_MUTATORS.contains(name) ? unsafe("list", name) : null;
    }

    private @Nullable Object dictMethod(Map<?, ?> dict, String name) {
        return switch (name) {
            case "items" -> (Callable) arguments -> view(dict, DictView.Kind.ITEMS, arguments);
            case "keys" -> (Callable) arguments -> view(dict, DictView.Kind.KEYS, arguments);
            case "values" -> (Callable) arguments -> view(dict, DictView.Kind.VALUES, arguments);
            case "get" ->
                (Callable) arguments -> {
                    CallArguments.Bound bound = arguments.bind("get", 1, "key", "default");
                    Object key = Values.key(bound.get(0));
                    return dict.containsKey(key) ? dict.get(key) : bound.get(1);
                };
            case "copy" ->
                (Callable) arguments -> {
                    budget.elements(dict.size());
                    return new LinkedHashMap<@Nullable Object, @Nullable Object>(dict);
                };
            default -> DICT_MUTATORS.contains(name) ? unsafe("dict", name) : null;
        };
    }

    private DictView view(Map<?, ?> dict, DictView.Kind kind, CallArguments arguments) {
        arguments.bind(kind.typeName(), 0);
        budget.elements(dict.size());
        return new DictView(kind, dict);
    }

    /** Calls whatever value a template calls. */
    @FunctionalInterface
    interface Calls {
        @Nullable
        Object call(@Nullable Object function, CallArguments arguments);
    }
}
