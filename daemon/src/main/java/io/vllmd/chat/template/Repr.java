package io.vllmd.chat.template;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How Python prints values: {@code str(value)} and {@code repr(value)}. */
final class Repr {
    private final StringBuilder out = new StringBuilder();

    private Repr() {}

    static String str(@Nullable Object value) {
        return switch (value) {
            case String s -> s;
            case Markup m -> m.text();
            case Undefined u -> "";
            case null -> "None";
            default -> of(value);
        };
    }

    static String of(@Nullable Object value) {
        Repr repr = new Repr();
        repr.append(value);
        return repr.out.toString();
    }

    private void append(@Nullable Object value) {
        switch (value) {
            case null -> out.append("None");
            case Boolean b -> out.append(b ? "True" : "False");
            case Double d -> out.append(ofDouble(d));
            case Number n -> out.append(n);
            case String s -> appendQuoted(s);
            case Markup m -> {
                out.append("Markup(");
                appendQuoted(m.text());
                out.append(')');
            }
            case Map<?, ?> m -> appendDict(m);
            case Tuple t -> {
                appendItems('(', t, t.size() == 1 ? ",)" : ")");
            }
            case RangeList r -> out.append(r.repr());
            case List<?> l -> appendItems('[', l, "]");
            case DictView v -> {
                out.append(v.kind().typeName()).append('(');
                append(v.list());
                out.append(')');
            }
            case Namespace n -> {
                out.append("<Namespace ");
                appendDict(n.attributes());
                out.append('>');
            }
            case Undefined u -> out.append("Undefined");
            case LoopContext l -> out.append(l);
            default -> out.append('<').append(Values.typeName(value)).append(" object>");
        }
    }

    private void appendItems(char open, Collection<?> items, String close) {
        out.append(open);
        String separator = "";
        for (Object item : items) {
            out.append(separator);
            append(item);
            separator = ", ";
        }
        out.append(close);
    }

    private void appendDict(Map<?, ?> dict) {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : dict.entrySet()) {
            out.append(separator);
            append(entry.getKey());
            out.append(": ");
            append(entry.getValue());
            separator = ", ";
        }
        out.append('}');
    }

    /** The shortest digits that read back as the same number, plain between 1e-4 and 1e16. */
    static String ofDouble(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        if (value == 0) {
            return 1 / value < 0 ? "-0.0" : "0.0";
        }
        BigDecimal decimal = shortest(value);
        int exponent = decimal.precision() - decimal.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = decimal.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = decimal.unscaledValue().abs().toString();
        return (value < 0 ? "-" : "")
                + digits.charAt(0)
                + (digits.length() > 1 ? "." + digits.substring(1) : "")
                + (exponent < 0 ? "e-" : "e+")
                + (Math.abs(exponent) < 10 ? "0" : "")
                + Math.abs(exponent);
    }

    private static BigDecimal shortest(double value) {
        BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        if (decimal.precision() == 2) {
            // Java shows two digits even where one is enough, as in 4.9E-324
            BigDecimal one = decimal.round(new MathContext(1, RoundingMode.HALF_EVEN));
            return one.doubleValue() == value ? one.stripTrailingZeros() : decimal;
        }
        return decimal;
    }

    private void appendQuoted(String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        text.codePoints().forEach(c -> appendCharacter(c, quote));
        out.append(quote);
    }

    private void appendCharacter(int c, char quote) {
        switch (c) {
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            case '\\' -> out.append("\\\\");
            default -> {
                if (c == quote) {
                    out.append('\\').append(quote);
                } else if (Characters.isPrintable(c)) {
                    out.appendCodePoint(c);
                } else if (c < 0x100) {
                    out.append("\\x").append(hex(c, 2));
                } else if (c < 0x10000) {
                    out.append("\\u").append(hex(c, 4));
                } else {
                    out.append("\\U").append(hex(c, 8));
                }
            }
        }
    }

    private static String hex(int value, int digits) {
        String hex = Integer.toHexString(value);
        return "0".repeat(digits - hex.length()) + hex;
    }
}
