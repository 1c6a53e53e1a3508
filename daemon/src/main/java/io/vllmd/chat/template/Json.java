package io.vllmd.chat.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's {@code json.dumps}, which is what {@code tojson} means in a chat template: nothing is escaped for HTML. */
final class Json {
    private final StringBuilder out = new StringBuilder();
    private final Budget budget;
    private final @Nullable String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean ascii;
    private final boolean sorted;

    private Json(Budget budget, CallArguments.Bound options) {
        this.budget = budget;
        this.ascii = options.flag(0);
        this.indent = indentOf(options.get(1));
        if (options.get(2) instanceof List<?> separators && separators.size() == 2) {
            this.itemSeparator = Values.text(separators.get(0));
            this.keySeparator = Values.text(separators.get(1));
        } else if (options.get(2) == null) {
            this.itemSeparator = indent == null ? ", " : ",";
            this.keySeparator = ": ";
        } else {
            throw TemplateException.evaluation("tojson's separators must be a pair");
        }
        this.sorted = options.flag(3);
    }

    /** The filter, with the parameters that transformers gives it. */
    static String dump(@Nullable Object value, CallArguments arguments, Budget budget) {
        CallArguments.Bound options = arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        Json json = new Json(budget, options);
        json.value(value, "\n");
        String text = json.out.toString();
        budget.text(text.length());
        return text;
    }

    private static @Nullable String indentOf(@Nullable Object indent) {
        return switch (indent) {
            case null -> null;
            case String s -> s;
            case Markup m -> m.text();
            default -> " ".repeat(Math.clamp(Numbers.toLong(indent), 0, 1000));
        };
    }

    private void value(@Nullable Object value, String newline) {
        budget.step();
        switch (value) {
            case null -> out.append("null");
            case Boolean b -> out.append(b.booleanValue());
            case Long l -> out.append(l.longValue());
            case BigInteger b -> out.append(b);
            case Double d -> out.append(number(d));
            case String s -> string(s);
            case Markup m -> string(m.text());
            case Map<?, ?> m -> dict(m, newline);
            case RangeList r -> throw refuse(r);
            case List<?> l -> list(l, newline);
            default -> throw refuse(value);
        }
    }

    private static TemplateException refuse(Object value) {
        return TemplateException.evaluation("Object of type " + Values.typeName(value) + " is not JSON serializable");
    }

    private static String number(double value) {
        if (Double.isNaN(value)) {
            return "NaN";
        }
        return Double.isInfinite(value) ? (value > 0 ? "Infinity" : "-Infinity") : Repr.ofDouble(value);
    }

    private void list(List<?> items, String newline) {
        if (items.isEmpty()) {
            out.append("[]");
            return;
        }
        String inner = indent == null ? newline : newline + indent;
        out.append('[');
        String separator = "";
        for (Object item : items) {
            out.append(separator);
            if (indent != null) {
                budget.text(inner.length());
                out.append(inner);
            }
            value(item, inner);
            separator = itemSeparator;
        }
        out.append(indent == null ? "" : newline).append(']');
    }

    private void dict(Map<?, ?> dict, String newline) {
        if (dict.isEmpty()) {
            out.append("{}");
            return;
        }
        List<Map.Entry<?, ?>> entries = new ArrayList<>(dict.entrySet());
        if (sorted) {
            entries.sort((a, b) -> Operators.compare(a.getKey(), b.getKey(), Expression.Relation.LESS));
        }
        String inner = indent == null ? newline : newline + indent;
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : entries) {
            out.append(separator);
            if (indent != null) {
                budget.text(inner.length());
                out.append(inner);
            }
            string(keyText(entry.getKey()));
            out.append(keySeparator);
            value(entry.getValue(), inner);
            separator = itemSeparator;
        }
        out.append(indent == null ? "" : newline).append('}');
    }

    private static String keyText(@Nullable Object key) {
        return switch (key) {
            case null -> "null";
            case String s -> s;
            case Boolean b -> b.toString();
            case Double d -> number(d);
            case Number n -> n.toString();
            default ->
                throw TemplateException.evaluation(
                        "keys must be str, int, float, bool or None, not " + Values.typeName(key));
        };
    }

    private void string(String text) {
        budget.text(text.length());
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < 0x20 || (ascii && c > 0x7e)) {
                        String hex = Integer.toHexString(c);
                        out.append("\\u").append("0".repeat(4 - hex.length())).append(hex);
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
