package io.vllmd.chat.template;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What {@code namespace(…)} makes: the one value whose attributes a template may set. Equal to itself only. */
final class Namespace {
    private final Map<String, @Nullable Object> attributes = new LinkedHashMap<>();

    Map<String, @Nullable Object> attributes() {
        return attributes;
    }
}
