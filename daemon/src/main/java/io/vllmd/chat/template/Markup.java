package io.vllmd.chat.template;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A string that the filter {@code safe} marked as HTML (markupsafe's Markup). It prints as it is, but what is added
 * to it is escaped, so a template that uses the filter needs it for the same result.
 */
record Markup(String text) {

    static Markup escape(@Nullable Object value) {
        if (value instanceof Markup markup) {
            return markup;
        }
        String text = Repr.str(value);
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '\'' -> escaped.append("&#39;");
                case '"' -> escaped.append("&#34;");
                default -> escaped.append(c);
            }
        }
        return new Markup(escaped.toString());
    }

    /** A string method's result on a marked string: strings in it are marked too. */
    static @Nullable Object mark(@Nullable Object result) {
        return switch (result) {
            case String s -> new Markup(s);
            case Tuple t -> new Tuple(markAll(t));
            case List<?> l -> markAll(l);
            case null -> null;
            default -> result;
        };
    }

    private static List<@Nullable Object> markAll(Collection<?> items) {
        List<@Nullable Object> marked = new ArrayList<>(items.size());
        items.forEach(item -> marked.add(mark(item)));
        return marked;
    }

    @Override
    public String toString() {
        return text;
    }
}
