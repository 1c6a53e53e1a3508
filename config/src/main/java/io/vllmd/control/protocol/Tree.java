package io.vllmd.control.protocol;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Builds one object of a message, its members in the order in which they were put. */
final class Tree {
    private final Map<String, Object> members = new LinkedHashMap<>();

    /** Adds a member, or none where the value is null. */
    Tree put(String name, @Nullable Object value) {
        if (value != null) {
            members.put(name, value);
        }
        return this;
    }

    Map<String, Object> map() {
        return members;
    }
}
