package io.vllmd.chat.template;

import io.vllmd.chat.template.Expression.Operator;
import io.vllmd.chat.template.Expression.Relation;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's operators on {@link Values}. */
final class Operators {
    private Operators() {}

    static boolean holds(Relation relation, @Nullable Object a, @Nullable Object b, Budget budget) {
        return switch (relation) {
            case EQUAL -> equal(a, b);
            case NOT_EQUAL -> !equal(a, b);
            case LESS -> compare(a, b, relation) < 0;
            case LESS_OR_EQUAL -> compare(a, b, relation) <= 0;
            case GREATER -> compare(a, b, relation) > 0;
            case GREATER_OR_EQUAL -> compare(a, b, relation) >= 0;
            case IN -> contains(b, a, budget);
            case NOT_IN -> !contains(b, a, budget);
        };
    }

    static boolean equal(@Nullable Object a, @Nullable Object b) {
        if (a == null || b == null) {
            return a == null && b == null;
        }
        if (a instanceof String s && b instanceof String t) {
            return s.equals(t);
        }
        if (Values.isText(a) && Values.isText(b)) {
            return Values.text(a).equals(Values.text(b));
        }
        if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
            return Numbers.equal(a, b);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            return a instanceof Tuple == b instanceof Tuple && equalItems(x, y);
        }
        if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
            return equalDicts(x, y);
        }
        if (a instanceof Undefined) {
            return b instanceof Undefined;
        }
        return a.equals(b);
    }

    private static boolean equalItems(List<?> a, List<?> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (!equal(a.get(i), b.get(i))) {
                return false;
            }
        }
        return true;
    }

    private static boolean equalDicts(Map<?, ?> a, Map<?, ?> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (Map.Entry<?, ?> entry : a.entrySet()) {
            if (!b.containsKey(entry.getKey()) || !equal(entry.getValue(), b.get(entry.getKey()))) {
                return false;
            }
        }
        return true;
    }

    /** Negative, zero or positive; strings by code point. */
    static int compare(@Nullable Object a, @Nullable Object b, Relation relation) {
        if (a != null && b != null) {
            if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
                return Numbers.compare(a, b);
            }
            if (Values.isText(a) && Values.isText(b)) {
                return compareText(Values.text(a), Values.text(b));
            }
            if (a instanceof List<?> x && b instanceof List<?> y && a instanceof Tuple == b instanceof Tuple) {
                for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
                    if (!equal(x.get(i), y.get(i))) {
                        return compare(x.get(i), y.get(i), relation);
                    }
                }
                return Integer.compare(x.size(), y.size());
            }
        }
        defined(a);
        defined(b);
        throw TemplateException.evaluation("'" + relation.symbol() + "' not supported between instances of '"
                + Values.typeName(a) + "' and '" + Values.typeName(b) + "'");
    }

    private static int compareText(String a, String b) {
        int length = Math.min(a.length(), b.length());
        for (int i = 0; i < length; i++) {
            char x = a.charAt(i);
            char y = b.charAt(i);
            if (x != y) {
                // surrogates stand for code points above every other char
                boolean high = Character.isSurrogate(x);
                return high == Character.isSurrogate(y) ? Character.compare(x, y) : high ? 1 : -1;
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    static void defined(@Nullable Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
    }

    static boolean contains(@Nullable Object container, @Nullable Object item, Budget budget) {
        return switch (container) {
            case String s -> containsText(s, item);
            case Markup m -> containsText(m.text(), item);
            case Map<?, ?> m -> m.containsKey(Values.key(item));
            case DictView v ->
                v.kind() == DictView.Kind.KEYS
                        ? v.dict().containsKey(Values.key(item))
                        : containsItem(v.list(), item, budget);
            case List<?> l -> containsItem(l, item, budget);
            case Generator g -> yields(g.iterator(), item);
            case Undefined u -> false;
            case null -> throw noContainer(null);
            default -> throw noContainer(container);
        };
    }

    private static TemplateException noContainer(@Nullable Object value) {
        return TemplateException.evaluation("argument of type '" + Values.typeName(value) + "' is not iterable");
    }

    private static boolean yields(Iterator<?> items, @Nullable Object item) {
        while (items.hasNext()) {
            if (equal(items.next(), item)) {
                return true;
            }
        }
        return false;
    }

    private static boolean containsText(String text, @Nullable Object part) {
        if (!Values.isText(part)) {
            throw TemplateException.evaluation(
                    "'in <string>' requires string as left operand, not " + Values.typeName(part));
        }
        return text.contains(Values.text(part));
    }

    private static boolean containsItem(List<?> items, @Nullable Object item, Budget budget) {
        budget.steps(items.size());
        for (Object each : items) {
            if (equal(each, item)) {
                return true;
            }
        }
        return false;
    }

    static Object arithmetic(Operator operator, @Nullable Object a, @Nullable Object b, Budget budget) {
        defined(a);
        defined(b);
        if (a != null && b != null) {
            if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
                return Numbers.arithmetic(operator, a, b);
            }
            Object result = switch (operator) {
                case ADD -> add(a, b, budget);
                case MULTIPLY -> Numbers.isInteger(a) ? repeat(b, a, budget) : repeat(a, b, budget);
                case MODULO ->
                    switch (a) {
                        case String s -> PercentFormat.format(s, b, budget);
                        case Markup m -> PercentFormat.formatMarkup(m, b, budget);
                        default -> null;
                    };
                default -> null;
            };
            if (result != null) {
                return result;
            }
        }
        if (operator == Operator.ADD && (Values.isText(a) || (a instanceof List<?> && !(a instanceof RangeList)))) {
            String type = a instanceof Markup ? "str" : Values.typeName(a);
            throw TemplateException.evaluation(
                    "can only concatenate " + type + " (not \"" + Values.typeName(b) + "\") to " + type);
        }
        throw TemplateException.evaluation("unsupported operand type(s) for " + operator.symbol() + ": '"
                + Values.typeName(a) + "' and '" + Values.typeName(b) + "'");
    }

    private static @Nullable Object add(Object a, Object b, Budget budget) {
        if (a instanceof String s && b instanceof String t) {
            budget.text((long) s.length() + t.length());
            return s.concat(t);
        }
        if (Values.isText(a) && Values.isText(b)) {
            String joined = Markup.escape(a).text() + Markup.escape(b).text();
            budget.text(joined.length());
            return new Markup(joined);
        }
        if (a instanceof List<?> x
                && b instanceof List<?> y
                && a instanceof Tuple == b instanceof Tuple
                && !(a instanceof RangeList || b instanceof RangeList)) {
            budget.elements((long) x.size() + y.size());
            List<@Nullable Object> joined = new ArrayList<>(x.size() + y.size());
            joined.addAll(x);
            joined.addAll(y);
            return a instanceof Tuple ? new Tuple(joined) : joined;
        }
        return null;
    }

    private static @Nullable Object repeat(Object value, Object times, Budget budget) {
        if (!Numbers.isInteger(times)) {
            return null;
        }
        long count = Math.max(0, Numbers.toLong(times));
        return switch (value) {
            case String s -> repeatText(s, count, budget);
            case Markup m -> new Markup(repeatText(m.text(), count, budget));
            case RangeList r -> null;
            case Tuple t -> new Tuple(repeatItems(t, count, budget));
            case List<?> l -> repeatItems(l, count, budget);
            default -> null;
        };
    }

    private static List<@Nullable Object> repeatItems(List<?> items, long count, Budget budget) {
        if (items.isEmpty()) {
            return new ArrayList<>();
        }
        budget.elements(Math.min(count, Integer.MAX_VALUE) * items.size());
        List<@Nullable Object> repeated = new ArrayList<>((int) count * items.size());
        for (int i = 0; i < count; i++) {
            repeated.addAll(items);
        }
        return repeated;
    }

    private static String repeatText(String text, long count, Budget budget) {
        if (text.isEmpty()) {
            return text;
        }
        budget.text(Math.min(count, Integer.MAX_VALUE) * text.length());
        return text.repeat((int) count);
    }
}
