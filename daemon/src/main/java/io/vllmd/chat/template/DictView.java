package io.vllmd.chat.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code dict.keys()}, {@code values()} or {@code items()}: iterable, with a length, but no list. */
record DictView(Kind kind, Map<?, ?> dict) {

    enum Kind {
        KEYS("dict_keys"),
        VALUES("dict_values"),
        ITEMS("dict_items");

        private final String typeName;

        Kind(String typeName) {
            this.typeName = typeName;
        }

        String typeName() {
            return typeName;
        }
    }

    List<@Nullable Object> list() {
        return switch (kind) {
            case KEYS -> new ArrayList<>(dict.keySet());
            case VALUES -> new ArrayList<>(dict.values());
            case ITEMS -> {
                List<@Nullable Object> items = new ArrayList<>(dict.size());
                dict.forEach((key, value) -> items.add(Tuple.of(key, value)));
                yield items;
            }
        };
    }
}
