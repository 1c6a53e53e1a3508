package io.vllmd.chat.template;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Subscripts of sequences, as Python counts them: from the end where negative, strings by code point. */
final class Slices {
    private Slices() {}

    /** {@code value[from:to:step]}. */
    static @Nullable Object slice(
            @Nullable Object value, @Nullable Object from, @Nullable Object to, @Nullable Object step, Budget budget) {
        return switch (value) {
            case String s -> text(s, from, to, step, budget);
            case Markup m -> new Markup(text(m.text(), from, to, step, budget));
            case RangeList r -> range(r, from, to, step);
            case Tuple t -> new Tuple(list(t, from, to, step, budget));
            case List<?> l -> list(l, from, to, step, budget);
            case Undefined u -> throw u.failure();
            case null -> throw notSubscriptable(null);
            default -> throw notSubscriptable(value);
        };
    }

    /** Jinja turns a failed subscript into an undefined value, but not a failed slice. */
    private static TemplateException notSubscriptable(@Nullable Object value) {
        return TemplateException.evaluation("'" + Values.typeName(value) + "' object is not subscriptable");
    }

    private static RangeList range(RangeList range, @Nullable Object from, @Nullable Object to, @Nullable Object step) {
        long stride = stride(step);
        int length = range.size();
        long begin = bound(from, length, stride, stride > 0 ? 0 : length - 1);
        long end = bound(to, length, stride, stride > 0 ? length : -1);
        return range.slice(begin, end, stride);
    }

    private static String text(
            String text, @Nullable Object from, @Nullable Object to, @Nullable Object step, Budget budget) {
        boolean narrow = text.codePointCount(0, text.length()) == text.length();
        long stride = stride(step);
        int length = narrow ? text.length() : text.codePointCount(0, text.length());
        long begin = bound(from, length, stride, stride > 0 ? 0 : length - 1);
        long end = bound(to, length, stride, stride > 0 ? length : -1);
        if (stride == 1) {
            if (begin >= end) {
                return "";
            }
            String part = narrow
                    ? text.substring((int) begin, (int) end)
                    : text.substring(text.offsetByCodePoints(0, (int) begin), text.offsetByCodePoints(0, (int) end));
            budget.text(part.length());
            return part;
        }
        budget.elements(length);
        int[] codePoints = text.codePoints().toArray();
        StringBuilder part = new StringBuilder();
        for (long i = begin; stride > 0 ? i < end : i > end; i += stride) {
            part.appendCodePoint(codePoints[(int) i]);
        }
        return part.toString();
    }

    private static List<@Nullable Object> list(
            List<?> items, @Nullable Object from, @Nullable Object to, @Nullable Object step, Budget budget) {
        long stride = stride(step);
        int length = items.size();
        long begin = bound(from, length, stride, stride > 0 ? 0 : length - 1);
        long end = bound(to, length, stride, stride > 0 ? length : -1);
        List<@Nullable Object> part = new ArrayList<>();
        for (long i = begin; stride > 0 ? i < end : i > end; i += stride) {
            budget.elements(1);
            part.add(items.get((int) i));
        }
        return part;
    }

    private static long stride(@Nullable Object step) {
        long stride = step == null ? 1 : Numbers.toLong(step);
        if (stride == 0) {
            throw TemplateException.evaluation("slice step cannot be zero");
        }
        return Math.clamp(stride, Integer.MIN_VALUE, Integer.MAX_VALUE);
    }

    private static long bound(@Nullable Object index, int length, long stride, long otherwise) {
        if (index == null) {
            return otherwise;
        }
        long i = Numbers.toLong(index);
        i = i < 0 ? i + length : i;
        return stride > 0 ? Math.clamp(i, 0, length) : Math.clamp(i, -1, length - 1);
    }

    /** The item at an index, or undefined where there is none. */
    static @Nullable Object item(Object sequence, Object index) {
        long i = Numbers.toLong(index);
        return switch (sequence) {
            case String s -> {
                String character = character(s, i);
                yield character == null ? Undefined.member(s, index) : character;
            }
            case Markup m -> {
                String character = character(m.text(), i);
                yield character == null ? Undefined.member(m, index) : new Markup(character);
            }
            case List<?> l -> {
                i = i < 0 ? i + l.size() : i;
                yield i >= 0 && i < l.size() ? l.get((int) i) : Undefined.member(l, index);
            }
            default -> Undefined.member(sequence, index);
        };
    }

    private static @Nullable String character(String text, long index) {
        int length = text.length();
        if (index < -length || index >= length) {
            return null;
        }
        if (text.codePointCount(0, length) != length) {
            int count = text.codePointCount(0, length);
            long i = index < 0 ? index + count : index;
            return i < 0 || i >= count
                    ? null
                    : Character.toString(text.codePointAt(text.offsetByCodePoints(0, (int) i)));
        }
        int i = (int) (index < 0 ? index + length : index);
        return text.substring(i, i + 1);
    }
}
