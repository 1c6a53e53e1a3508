package io.vllmd.chat.template;

import java.util.Iterator;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What filters such as {@code map} and {@code select} give: items made one by one when they are asked for, and only
 * once. It has no length and is no list, so that templates fail where they fail in Python.
 */
final class Generator {
    private final Supplier<Iterator<?>> source;
    private @Nullable Iterator<?> items;

    Generator(Supplier<Iterator<?>> source) {
        this.source = source;
    }

    /** The one iterator over what is left. */
    Iterator<?> iterator() {
        Iterator<?> begun = items;
        if (begun == null) {
            begun = source.get();
            items = begun;
        }
        return begun;
    }
}
