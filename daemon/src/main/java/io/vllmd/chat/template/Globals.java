package io.vllmd.chat.template;

import java.time.Clock;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The functions that every chat template may call: Jinja's, and the two that transformers adds. */
final class Globals {
    private static final int MAX_RANGE = 100_000;

    private Globals() {}

    static Map<String, Callable> of(Clock clock) {
        return Map.of(
                "raise_exception",
                arguments -> {
                    throw TemplateException.refused(Repr.str(
                            arguments.bind("raise_exception", 1, "message").get(0)));
                },
                "strftime_now",
                arguments -> Strftime.format(
                        arguments.bind("strftime_now", 1, "format").text(0), LocalDateTime.now(clock)),
                "namespace",
                arguments -> {
                    Namespace namespace = new Namespace();
                    dict(arguments)
                            .forEach((name, value) -> namespace.attributes().put(Repr.str(name), value));
                    return namespace;
                },
                "dict",
                Globals::dict,
                "range",
                Globals::range,
                "joiner",
                Globals::joiner);
    }

    private static Map<@Nullable Object, @Nullable Object> dict(CallArguments arguments) {
        Map<@Nullable Object, @Nullable Object> dict = new LinkedHashMap<>();
        if (arguments.positional().size() > 1) {
            throw TemplateException.evaluation("dict expected at most 1 argument, got "
                    + arguments.positional().size());
        }
        for (Object source : arguments.positional()) {
            if (source instanceof Map<?, ?> map) {
                dict.putAll(map);
            } else if (source instanceof Iterable<?> pairs) {
                for (Object pair : pairs) {
                    if (!(pair instanceof java.util.List<?> list) || list.size() != 2) {
                        throw TemplateException.evaluation("dict update sequence needs pairs");
                    }
                    dict.put(Values.key(list.get(0)), list.get(1));
                }
            } else {
                Operators.defined(source);
                throw Values.notIterable(source);
            }
        }
        dict.putAll(arguments.named());
        return dict;
    }

    private static Object range(CallArguments arguments) {
        if (!arguments.named().isEmpty()) {
            throw TemplateException.evaluation("range() takes no keyword arguments");
        }
        CallArguments.Bound bound = arguments.bind("range", 1, "start", "stop", "step");
        boolean oneArgument = !bound.has(1);
        long first = oneArgument ? 0 : Numbers.index(bound.get(0));
        long end = Numbers.index(bound.get(oneArgument ? 0 : 1));
        long step = bound.integer(2, 1);
        if (step == 0) {
            throw TemplateException.evaluation("range() arg 3 must not be zero");
        }
        if (RangeList.size(first, end, step) > MAX_RANGE) {
            throw TemplateException.limit(
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + MAX_RANGE + ").");
        }
        return RangeList.of(first, end, step);
    }

    /** A function that gives nothing at first and the separator from then on. */
    private static Object joiner(CallArguments arguments) {
        Object separator = arguments.bind("joiner", 0, "sep").get(0, ", ");
        boolean[] used = {false};
        return (Callable) none -> {
            none.bind("joiner", 0);
            Object result = used[0] ? separator : "";
            used[0] = true;
            return result;
        };
    }
}
