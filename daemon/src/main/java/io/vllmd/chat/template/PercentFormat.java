package io.vllmd.chat.template;

import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** {@code 'text %s' % values}. */
final class PercentFormat {
    private static final Pattern FIELD =
            Pattern.compile("%(?:\\(([^)]*)\\))?([-0+ #]*)(\\d*)(?:\\.(\\d*))?[hlL]?(.?)", Pattern.DOTALL);

    private PercentFormat() {}

    static String format(String format, @Nullable Object values, Budget budget) {
        return format(format, values, budget, false);
    }

    static Markup formatMarkup(Markup format, @Nullable Object values, Budget budget) {
        return new Markup(format(format.text(), values, budget, true));
    }

    private static String format(String format, @Nullable Object values, Budget budget, boolean escapes) {
        List<?> sequence = values instanceof Tuple tuple ? tuple : Tuple.of(values);
        Matcher field = FIELD.matcher(format);
        StringBuilder out = new StringBuilder();
        int at = 0;
        int used = 0;
        boolean named = false;
        while (field.find(at)) {
            out.append(format, at, field.start());
            at = field.end();
            if (field.group(5).equals("%")) {
                out.append('%');
            } else {
                Object value;
                if (field.group(1) != null) {
                    named = true;
                    value = named(values, field.group(1));
                } else if (used < sequence.size()) {
                    value = sequence.get(used++);
                } else {
                    throw TemplateException.evaluation("not enough arguments for format string");
                }
                String text = field(field, value, escapes);
                budget.text(text.length());
                out.append(text);
            }
        }
        if (!named && used < sequence.size() && !(values instanceof Map)) {
            throw TemplateException.evaluation("not all arguments converted during string formatting");
        }
        out.append(format, at, format.length());
        budget.text(out.length());
        return out.toString();
    }

    private static @Nullable Object named(@Nullable Object values, String name) {
        if (values instanceof Map<?, ?> map && map.containsKey(name)) {
            return map.get(name);
        }
        throw TemplateException.evaluation("the format's '" + name + "' is not among its values");
    }

    private static String field(Matcher field, @Nullable Object value, boolean escapes) {
        String flags = field.group(2);
        int width = NumberFormat.count(field.group(3), 0);
        String precision = field.group(4);
        String type = field.group(5);
        if (type.equals("s") || type.equals("r")) {
            String text = type.equals("r") ? Repr.of(value) : Repr.str(value);
            if (escapes) {
                text = value instanceof Markup ? text : Markup.escape(text).text();
            }
            int most = precision == null ? text.length() : NumberFormat.count(precision, 0);
            text = text.substring(0, Math.min(most, text.length()));
            return NumberFormat.pad(text, width, flags.contains("-") ? '<' : '>', " ");
        }
        if (value == null || !Numbers.isNumber(value)) {
            Operators.defined(value);
            throw TemplateException.evaluation(
                    "%" + type + " format: a number is required, not " + Values.typeName(value));
        }
        int digits = NumberFormat.count(precision, precision == null ? 6 : 0);
        String text = switch (type) {
            case "d", "i", "u" -> NumberFormat.integer(whole(value), 10);
            case "x" -> NumberFormat.integer(value, 16);
            case "X" -> NumberFormat.integer(value, 16).toUpperCase(java.util.Locale.ROOT);
            case "o" -> NumberFormat.integer(value, 8);
            case "f", "F" -> NumberFormat.fixed(value, digits);
            case "e" -> NumberFormat.exponential(value, digits);
            default -> throw TemplateException.evaluation("unsupported format character '" + type + "'");
        };
        text = NumberFormat.signed(text, flags.contains("+") ? "+" : flags.contains(" ") ? " " : "");
        if (flags.contains("-")) {
            return NumberFormat.pad(text, width, '<', " ");
        }
        return flags.contains("0") ? NumberFormat.pad(text, width, '=', "0") : NumberFormat.pad(text, width, '>', " ");
    }

    private static Object whole(Object number) {
        return number instanceof Double d ? Conversions.truncate(d) : number;
    }
}
