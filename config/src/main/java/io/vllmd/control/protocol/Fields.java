package io.vllmd.control.protocol;

import io.vllmd.config.Problem;
import io.vllmd.config.Suggestions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Reads typed members of a tree. What is missing or of another type is an INVALID problem naming it. */
final class Fields {
    private final Map<String, Object> tree;

    Fields(Map<String, Object> tree) {
        this.tree = tree;
    }

    /** Refuses members that are not among these, for what a person may have typed. */
    Fields only(String... names) {
        var known = List.of(names);
        for (String name : tree.keySet()) {
            if (!known.contains(name)) {
                throw invalid(name, "There is no parameter \"" + name + "\"" + Suggestions.didYouMean(name, known));
            }
        }
        return this;
    }

    String text(String name) {
        return member(name, String.class, "a string");
    }

    @Nullable
    String textOrNull(String name) {
        return tree.containsKey(name) ? text(name) : null;
    }

    long number(String name) {
        return member(name, Long.class, "a whole number");
    }

    double fraction(String name) {
        return member(name, Number.class, "a number").doubleValue();
    }

    boolean flag(String name, boolean otherwise) {
        return tree.containsKey(name) ? member(name, Boolean.class, "true or false") : otherwise;
    }

    <T> List<T> list(String name, Function<Fields, T> read) {
        var list = new ArrayList<T>();
        for (Object item : items(name)) {
            list.add(read.apply(new Fields(map(name, item))));
        }
        return List.copyOf(list);
    }

    List<String> texts(String name) {
        var list = new ArrayList<String>();
        for (Object item : items(name)) {
            list.add(String.valueOf(item));
        }
        return List.copyOf(list);
    }

    Map<String, Object> object(String name) {
        return map(name, member(name, Map.class, "an object"));
    }

    private List<?> items(String name) {
        return tree.containsKey(name) ? member(name, List.class, "a list") : List.of();
    }

    private static Map<String, Object> map(String name, Object value) {
        if (!(value instanceof Map<?, ?> map)) {
            throw invalid(name, "\"" + name + "\" must hold objects.");
        }
        var typed = new LinkedHashMap<String, Object>();
        map.forEach((key, member) -> typed.put(String.valueOf(key), member));
        return typed;
    }

    private <T> T member(String name, Class<T> type, String expected) {
        Object value = tree.get(name);
        if (!type.isInstance(value)) {
            throw invalid(name, "\"" + name + "\" must be " + expected + (value == null ? "; it is missing." : "."));
        }
        return type.cast(value);
    }

    private static RuntimeException invalid(String name, String message) {
        return Problem.of(Problem.Kind.INVALID, message, name).asException();
    }
}
