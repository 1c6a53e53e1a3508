package io.vllmd.chat.template;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.util.Locale;

/** Python's {@code strftime} in the C locale. */
final class Strftime {
    private Strftime() {}

    static String format(String format, LocalDateTime time) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 >= format.length()) {
                out.append(c);
                continue;
            }
            c = format.charAt(++i);
            boolean bare = c == '-' && i + 1 < format.length();
            if (bare) {
                c = format.charAt(++i);
            }
            String field = field(c, time);
            out.append(bare ? withoutPadding(field) : field);
        }
        return out.toString();
    }

    private static String withoutPadding(String field) {
        int i = 0;
        while (i < field.length() - 1 && (field.charAt(i) == '0' || field.charAt(i) == ' ')) {
            i++;
        }
        return field.substring(i);
    }

    private static String field(char directive, LocalDateTime t) {
        return switch (directive) {
            case 'Y' -> Integer.toString(t.getYear());
            case 'y' -> digits(t.getYear() % 100, 2);
            case 'm' -> digits(t.getMonthValue(), 2);
            case 'd' -> digits(t.getDayOfMonth(), 2);
            case 'e' -> String.format(Locale.ROOT, "%2d", t.getDayOfMonth());
            case 'B' -> t.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'b', 'h' -> t.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
            case 'A' -> t.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'a' -> t.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
            case 'w' -> Integer.toString(t.getDayOfWeek().getValue() % 7);
            case 'u' -> Integer.toString(t.getDayOfWeek().getValue());
            case 'H' -> digits(t.getHour(), 2);
            case 'I' -> digits((t.getHour() + 11) % 12 + 1, 2);
            case 'M' -> digits(t.getMinute(), 2);
            case 'S' -> digits(t.getSecond(), 2);
            case 'f' -> digits(t.getNano() / 1000, 6);
            case 'p' -> t.getHour() < 12 ? "AM" : "PM";
            case 'j' -> digits(t.getDayOfYear(), 3);
            case 'F' -> format("%Y-%m-%d", t);
            case 'T', 'X' -> format("%H:%M:%S", t);
            case 'R' -> format("%H:%M", t);
            case 'D', 'x' -> format("%m/%d/%y", t);
            case 'c' -> format("%a %b %e %H:%M:%S %Y", t);
            case 'Z', 'z' -> "";
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            default -> "%" + directive;
        };
    }

    private static String digits(int value, int width) {
        String digits = Integer.toString(value);
        return "0".repeat(Math.max(0, width - digits.length())) + digits;
    }
}
