package io.vllmd.chat.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The filters {@code int}, {@code float} and {@code round}. */
final class Conversions {
    private static final Pattern INTEGER = Pattern.compile("[+-]?\\d+(?:_\\d+)*");
    private static final Pattern FLOAT = Pattern.compile(
            "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?|[+-]?(?:inf|infinity|nan)", Pattern.CASE_INSENSITIVE);
    private static final int MAX_DIGITS = 1000;

    private Conversions() {}

    static @Nullable Object toInteger(@Nullable Object value, @Nullable Object otherwise, int base) {
        if (value instanceof Undefined u) {
            throw u.failure();
        }
        if (Values.isText(value)) {
            String text = Strings.strip(Values.text(value), null, true, true);
            Object parsed = parse(text, base);
            if (parsed != null) {
                return parsed;
            }
            Double number = parseDouble(text);
            return number == null || number.isNaN() || number.isInfinite() ? otherwise : truncate(number);
        }
        if (value instanceof Double d) {
            return d.isNaN() || d.isInfinite() ? otherwise : truncate(d);
        }
        if (value != null && Numbers.isInteger(value)) {
            return value instanceof Boolean b ? (Object) (b ? 1L : 0L) : value;
        }
        return otherwise;
    }

    private static @Nullable Object parse(String text, int base) {
        if (text.length() > MAX_DIGITS) {
            return null;
        }
        if (base == 10) {
            return INTEGER.matcher(text).matches() ? Numbers.shrink(new BigInteger(text.replace("_", ""))) : null;
        }
        if (base < 2 || base > 36) {
            throw TemplateException.evaluation("int() base must be >= 2 and <= 36");
        }
        String digits = base == 16 && text.regionMatches(true, 0, "0x", 0, 2) ? text.substring(2) : text;
        boolean valid = !digits.isEmpty() && digits.chars().allMatch(c -> Character.digit(c, base) >= 0);
        return valid ? Numbers.shrink(new BigInteger(digits, base)) : null;
    }

    static Object truncate(double value) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            throw TemplateException.evaluation("cannot convert float " + Repr.ofDouble(value) + " to integer");
        }
        return Numbers.shrink(new BigDecimal(value).toBigInteger());
    }

    static @Nullable Object toFloat(@Nullable Object value, @Nullable Object otherwise) {
        if (value instanceof Undefined u) {
            throw u.failure();
        }
        if (Values.isText(value)) {
            Double number = parseDouble(Strings.strip(Values.text(value), null, true, true));
            return number == null ? otherwise : number;
        }
        return value != null && Numbers.isNumber(value) ? Numbers.toDouble(value) : otherwise;
    }

    private static @Nullable Double parseDouble(String text) {
        if (text.length() > MAX_DIGITS || !FLOAT.matcher(text).matches()) {
            return null;
        }
        String lower = text.toLowerCase(java.util.Locale.ROOT);
        double sign = lower.startsWith("-") ? -1 : 1;
        if (lower.endsWith("nan")) {
            return Double.NaN;
        }
        return lower.contains("inf") ? Double.valueOf(sign * Double.POSITIVE_INFINITY) : Double.valueOf(lower);
    }

    /** {@code round(value, precision, method)}; common rounds half to even, as Python does. */
    static Object round(@Nullable Object value, CallArguments.Bound arguments) {
        Operators.defined(value);
        if (value == null || !Numbers.isNumber(value)) {
            throw TemplateException.evaluation("type " + Values.typeName(value) + " doesn't define __round__ method");
        }
        int precision = Math.clamp(arguments.integer(0, 0), -400, 400);
        RoundingMode mode = switch (Repr.str(arguments.get(1, "common"))) {
            case "common" -> RoundingMode.HALF_EVEN;
            case "ceil" -> RoundingMode.CEILING;
            case "floor" -> RoundingMode.FLOOR;
            default -> throw TemplateException.evaluation("method must be common, ceil or floor");
        };
        if (Numbers.isInteger(value) && mode == RoundingMode.HALF_EVEN) {
            return precision >= 0
                    ? Numbers.arithmetic(Expression.Operator.ADD, 0L, value)
                    : Numbers.shrink(new BigDecimal(Numbers.arithmetic(Expression.Operator.ADD, 0L, value)
                                    .toString())
                            .setScale(precision, mode)
                            .toBigInteger());
        }
        double number = Numbers.toDouble(value);
        return Double.isNaN(number) || Double.isInfinite(number)
                ? number
                : new BigDecimal(number).setScale(precision, mode).doubleValue();
    }
}
