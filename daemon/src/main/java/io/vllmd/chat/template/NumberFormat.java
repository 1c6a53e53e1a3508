package io.vllmd.chat.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import org.jspecify.annotations.Nullable;

/** The parts that {@code '%5.1f' % x} and {@code '{:5.1f}'.format(x)} have in common. */
final class NumberFormat {
    private static final int MAX_WIDTH = 1000;

    private NumberFormat() {}

    /** Digits of a width or a precision; empty gives the other. */
    static int count(@Nullable String digits, int otherwise) {
        if (digits == null || digits.isEmpty()) {
            return otherwise;
        }
        if (digits.length() > 4 || Integer.parseInt(digits) > MAX_WIDTH) {
            throw TemplateException.limit("a format is wider than " + MAX_WIDTH);
        }
        return Integer.parseInt(digits);
    }

    static String fixed(Object number, int precision) {
        double value = Numbers.toDouble(number);
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return Repr.ofDouble(value);
        }
        String digits = new BigDecimal(value)
                .setScale(precision, RoundingMode.HALF_EVEN)
                .toPlainString();
        return value < 0 && !digits.startsWith("-") ? "-" + digits : digits;
    }

    static String exponential(Object number, int precision) {
        double value = Numbers.toDouble(number);
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return Repr.ofDouble(value);
        }
        BigDecimal decimal = new BigDecimal(value);
        decimal = decimal.round(new java.math.MathContext(precision + 1, RoundingMode.HALF_EVEN));
        String digits = decimal.unscaledValue().abs().toString();
        int exponent = decimal.signum() == 0 ? 0 : decimal.precision() - decimal.scale() - 1;
        String padded = (digits + "0".repeat(precision + 1)).substring(0, precision + 1);
        return (value < 0 ? "-" : "")
                + padded.charAt(0)
                + (precision > 0 ? "." + padded.substring(1) : "")
                + (exponent < 0 ? "e-" : "e+")
                + (Math.abs(exponent) < 10 ? "0" : "")
                + Math.abs(exponent);
    }

    static String integer(Object number, int radix) {
        return number instanceof BigInteger b ? b.toString(radix) : Long.toString(Numbers.toLong(number), radix);
    }

    static String signed(String digits, String sign) {
        return digits.startsWith("-") ? digits : sign + digits;
    }

    /** Fills up to a width; {@code =} fills between sign and digits. */
    static String pad(String text, int width, char align, String fill) {
        long missing = width - Values.length(text);
        if (missing <= 0) {
            return text;
        }
        int left = (int) (align == '>' ? missing : align == '^' ? missing / 2 : 0);
        if (align == '=') {
            boolean sign = text.startsWith("-") || text.startsWith("+") || text.startsWith(" ");
            return (sign ? text.substring(0, 1) : "") + fill.repeat((int) missing) + (sign ? text.substring(1) : text);
        }
        return fill.repeat(left) + text + fill.repeat((int) missing - left);
    }
}
