package io.vllmd.chat.template;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** {@code 'text {}'.format(values)}, with fields by position or name and the usual format specifications. */
final class BraceFormat {
    private static final Pattern FIELD = Pattern.compile("\\{\\{|}}|\\{(\\w*)(?:!([rs]))?(?::([^{}]*))?}|[{}]");
    private static final Pattern SPECIFICATION =
            Pattern.compile("(?:(.)?([<>^=]))?([-+ ])?(0)?(\\d*)(,)?(?:\\.(\\d+))?([a-zA-Z%])?", Pattern.DOTALL);

    private BraceFormat() {}

    static String format(String format, CallArguments arguments, boolean escapes, Budget budget) {
        Matcher field = FIELD.matcher(format);
        StringBuilder out = new StringBuilder();
        int at = 0;
        int automatic = 0;
        boolean manual = false;
        while (field.find()) {
            out.append(format, at, field.start());
            at = field.end();
            switch (field.group()) {
                case "{{" -> out.append('{');
                case "}}" -> out.append('}');
                case "{", "}" ->
                    throw TemplateException.evaluation("'" + format + "'.format: a field is not understood");
                default -> {
                    String name = field.group(1);
                    boolean byIndex = !name.isEmpty() && Character.isDigit(name.charAt(0));
                    if (name.isEmpty() ? manual : byIndex && automatic > 0) {
                        throw TemplateException.evaluation(
                                "cannot mix automatic field numbering and manual field specification");
                    }
                    manual |= byIndex;
                    Object value = value(name.isEmpty() ? Integer.toString(automatic++) : name, arguments);
                    Object shown = "r".equals(field.group(2)) ? Repr.of(value) : value;
                    String text = specified(shown, field.group(3));
                    out.append(
                            escapes && !(shown instanceof Markup)
                                    ? Markup.escape(text).text()
                                    : text);
                }
            }
            budget.text(out.length());
        }
        out.append(format, at, format.length());
        return out.toString();
    }

    private static @Nullable Object value(String name, CallArguments arguments) {
        if (name.length() < 5 && name.chars().allMatch(c -> c >= '0' && c <= '9')) {
            int index = Integer.parseInt(name);
            if (index < arguments.positional().size()) {
                return arguments.positional().get(index);
            }
            throw TemplateException.evaluation("Replacement index " + index + " out of range");
        }
        if (!arguments.named().containsKey(name)) {
            throw TemplateException.evaluation("format misses its argument '" + name + "'");
        }
        return arguments.named().get(name);
    }

    private static String specified(@Nullable Object value, @Nullable String specification) {
        if (specification == null || specification.isEmpty()) {
            return Repr.str(value);
        }
        Matcher parts = SPECIFICATION.matcher(specification);
        if (!parts.matches()) {
            throw TemplateException.evaluation("Invalid format specifier '" + specification + "'");
        }
        boolean number = Numbers.isNumber(value) && !(value instanceof Boolean);
        String type = parts.group(8) == null ? "" : parts.group(8);
        String text =
                value != null && number ? number(value, type, parts) : text(Values.text(value), type, parts.group(7));
        boolean zero = parts.group(4) != null;
        char align = parts.group(2) != null ? parts.group(2).charAt(0) : zero ? '=' : number ? '>' : '<';
        String fill = parts.group(1) != null ? parts.group(1) : zero ? "0" : " ";
        return NumberFormat.pad(text, NumberFormat.count(parts.group(5), 0), align, fill);
    }

    private static String text(String text, String type, @Nullable String precision) {
        if (!type.isEmpty() && !type.equals("s")) {
            throw TemplateException.evaluation("Unknown format code '" + type + "' for object of type 'str'");
        }
        return text.substring(0, Math.min(NumberFormat.count(precision, text.length()), text.length()));
    }

    private static String number(Object value, String type, Matcher parts) {
        int precision = NumberFormat.count(parts.group(7), 6);
        String digits = switch (type) {
            case "d" -> NumberFormat.integer(value, 10);
            case "x" -> NumberFormat.integer(value, 16);
            case "X" -> NumberFormat.integer(value, 16).toUpperCase(Locale.ROOT);
            case "f", "F" -> NumberFormat.fixed(value, precision);
            case "e" -> NumberFormat.exponential(value, precision);
            case "%" -> NumberFormat.fixed(Numbers.toDouble(value) * 100, precision) + "%";
            case "" -> Repr.str(value);
            default -> throw TemplateException.evaluation("Unknown format code '" + type + "'");
        };
        if (parts.group(6) != null) {
            digits = digits.replaceAll("(?<=\\d)(?=(?:\\d{3})+(?:\\.|$))(?<!\\.\\d{0,20})", ",");
        }
        String sign = parts.group(3) == null || parts.group(3).equals("-") ? "" : parts.group(3);
        return NumberFormat.signed(digits, sign);
    }
}
