package io.vllmd.chat.template;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/** A list that prints and compares as a tuple, and whose items may have names too, as those of {@code groupby} do. */
final class Tuple extends AbstractList<@Nullable Object> implements RandomAccess {
    private final List<@Nullable Object> items;
    private final List<String> names;

    Tuple(List<? extends @Nullable Object> items) {
        this(items, List.of());
    }

    Tuple(List<? extends @Nullable Object> items, List<String> names) {
        this.items = new ArrayList<>(items);
        this.names = names;
    }

    static Tuple of(@Nullable Object... items) {
        return new Tuple(Arrays.asList(items));
    }

    @Nullable
    Object attribute(String name) {
        int index = names.indexOf(name);
        return index < 0 ? null : items.get(index);
    }

    @Override
    public @Nullable Object get(int index) {
        return items.get(index);
    }

    @Override
    public int size() {
        return items.size();
    }
}
