package io.vllmd.chat.template;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The names of one block and, through {@code outer}, of those around it. Assignments stay in their block. */
final class Scope {
    private final Map<String, @Nullable Object> names;
    private final @Nullable Scope outer;

    Scope(@Nullable Scope outer) {
        this(new HashMap<>(8), outer);
    }

    Scope(Map<String, @Nullable Object> names, @Nullable Scope outer) {
        this.names = names;
        this.outer = outer;
    }

    void set(String name, @Nullable Object value) {
        names.put(name, value);
    }

    /** Its value, undefined where there is none. */
    @Nullable
    Object get(String name, Map<String, Callable> globals) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Object value = scope.names.get(name);
            if (value != null || scope.names.containsKey(name)) {
                return value;
            }
        }
        Callable global = globals.get(name);
        return global != null ? global : Undefined.variable(name);
    }
}
