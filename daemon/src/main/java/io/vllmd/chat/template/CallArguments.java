package io.vllmd.chat.template;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values that a call, a filter or a test was given. */
record CallArguments(List<@Nullable Object> positional, Map<String, @Nullable Object> named) {
    static final CallArguments NONE = new CallArguments(List.of(), Map.of());

    static CallArguments of(List<@Nullable Object> positional) {
        return new CallArguments(positional, Map.of());
    }

    /**
     * Puts them in the order of a function's parameters.
     *
     * @param required how many of the parameters must be given
     * @throws TemplateException EVALUATION where one is missing, unknown or given twice
     */
    Bound bind(String function, int required, String... parameters) {
        int given = positional.size();
        if (given > parameters.length) {
            throw TemplateException.evaluation(
                    function + "() takes at most " + parameters.length + " argument(s), " + given + " were given");
        }
        @Nullable Object[] values = new @Nullable Object[parameters.length];
        boolean[] present = new boolean[parameters.length];
        int used = 0;
        for (int i = 0; i < parameters.length; i++) {
            boolean byName = !named.isEmpty() && named.containsKey(parameters[i]);
            if (byName && i < given) {
                throw TemplateException.evaluation(function + "() got '" + parameters[i] + "' twice");
            }
            if (byName) {
                values[i] = named.get(parameters[i]);
                used++;
            } else if (i < given) {
                values[i] = positional.get(i);
            } else if (i < required) {
                throw TemplateException.evaluation(function + "() misses its argument '" + parameters[i] + "'");
            }
            present[i] = byName || i < given;
        }
        if (used < named.size()) {
            for (String name : named.keySet()) {
                if (!List.of(parameters).contains(name)) {
                    throw TemplateException.evaluation(function + "() takes no argument '" + name + "'");
                }
            }
        }
        return new Bound(values, present);
    }

    /** Arguments by position of their parameter. */
    @SuppressWarnings("ArrayRecordComponent") // never compared, made for one call
    record Bound(@Nullable Object[] values, boolean[] present) {

        boolean has(int parameter) {
            return present[parameter];
        }

        @Nullable
        Object get(int parameter) {
            return values[parameter];
        }

        @Nullable
        Object get(int parameter, @Nullable Object otherwise) {
            return present[parameter] ? values[parameter] : otherwise;
        }

        String text(int parameter) {
            return Values.text(values[parameter]);
        }

        boolean flag(int parameter) {
            return present[parameter] && Values.truth(values[parameter]);
        }

        int integer(int parameter, int otherwise) {
            return present[parameter] ? Numbers.index(values[parameter]) : otherwise;
        }
    }
}
