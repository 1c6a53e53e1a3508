package io.vllmd.chat.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Python's values as Java objects. None is null, bool Boolean, int Long or BigInteger, float Double, str String or
 * {@link Markup}, list List, tuple {@link Tuple}, dict Map; then {@link DictView}, {@link RangeList},
 * {@link Generator}, {@link Namespace}, {@link LoopContext}, {@link Callable} and {@link Undefined}.
 */
final class Values {
    private Values() {}

    static String typeName(@Nullable Object value) {
        return switch (value) {
            case null -> "NoneType";
            case Boolean b -> "bool";
            case Long l -> "int";
            case BigInteger b -> "int";
            case Double d -> "float";
            case String s -> "str";
            case Markup m -> "Markup";
            case Map<?, ?> m -> "dict";
            case Tuple t -> "tuple";
            case RangeList r -> "range";
            case List<?> l -> "list";
            case DictView v -> v.kind().typeName();
            case Generator g -> "generator";
            case Namespace n -> "Namespace";
            case LoopContext l -> "LoopContext";
            case Undefined u -> "Undefined";
            case Callable c -> "function";
            default -> value.getClass().getSimpleName();
        };
    }

    static boolean truth(@Nullable Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case String s -> !s.isEmpty();
            case Long l -> l != 0;
            case Collection<?> c -> !c.isEmpty();
            case Map<?, ?> m -> !m.isEmpty();
            case Undefined u -> false;
            case Double d -> d != 0;
            case Markup m -> !m.text().isEmpty();
            case DictView v -> !v.dict().isEmpty();
            default -> true;
        };
    }

    static boolean isText(@Nullable Object value) {
        return value instanceof String || value instanceof Markup;
    }

    /** The string that a value is; anything else fails. */
    static String text(@Nullable Object value) {
        return switch (value) {
            case String s -> s;
            case Markup m -> m.text();
            case Undefined u -> throw u.failure();
            case null -> throw noText(null);
            default -> throw noText(value);
        };
    }

    private static TemplateException noText(@Nullable Object value) {
        return TemplateException.evaluation("expected a str, found '" + typeName(value) + "'");
    }

    /** Its items. A generator's are used up by it. */
    static List<@Nullable Object> items(@Nullable Object value, Budget budget) {
        return switch (value) {
            case Tuple t -> t;
            case RangeList r -> new ArrayList<>(r);
            case List<?> l -> new ArrayList<>(l);
            case Collection<?> c -> new ArrayList<>(c);
            case Map<?, ?> m -> new ArrayList<>(m.keySet());
            case DictView v -> v.list();
            case String s -> characters(s, budget);
            case Markup m -> {
                List<@Nullable Object> marked = characters(m.text(), budget);
                marked.replaceAll(Markup::mark);
                yield marked;
            }
            case Generator g -> {
                List<@Nullable Object> items = new ArrayList<>();
                g.iterator().forEachRemaining(item -> {
                    budget.elements(1);
                    items.add(item);
                });
                yield items;
            }
            case Undefined u -> List.of();
            case null -> throw notIterable(null);
            default -> throw notIterable(value);
        };
    }

    static TemplateException notIterable(@Nullable Object value) {
        return TemplateException.evaluation("'" + typeName(value) + "' object is not iterable");
    }

    private static List<@Nullable Object> characters(String text, Budget budget) {
        budget.elements(text.length());
        List<@Nullable Object> characters = new ArrayList<>(text.length());
        text.codePoints().forEach(c -> characters.add(Character.toString(c)));
        return characters;
    }

    static long length(@Nullable Object value) {
        return switch (value) {
            case String s -> s.codePointCount(0, s.length());
            case Markup m -> length(m.text());
            case Collection<?> c -> c.size();
            case Map<?, ?> m -> m.size();
            case DictView v -> v.dict().size();
            case Undefined u -> 0;
            case LoopContext l -> l.size();
            case null -> throw noLength(null);
            default -> throw noLength(value);
        };
    }

    private static TemplateException noLength(@Nullable Object value) {
        return TemplateException.evaluation("object of type '" + typeName(value) + "' has no len()");
    }

    /**
     * A value as a dict's key: equal strings are one key whether marked or not, and so are 1 and 1.0. Unlike in Python,
     * true and 1 are two.
     */
    static @Nullable Object key(@Nullable Object value) {
        return switch (value) {
            case Markup m -> m.text();
            case Double d -> d == Math.rint(d) && Math.abs(d) < 1L << 53 ? (Object) (long) d.doubleValue() : d;
            case Tuple t -> t;
            case List<?> l -> throw unhashable(l);
            case Map<?, ?> m -> throw unhashable(m);
            case null -> null;
            default -> value;
        };
    }

    private static TemplateException unhashable(Object value) {
        return TemplateException.evaluation("unhashable type: '" + typeName(value) + "'");
    }

    /**
     * A value of Java or JSON as one of those above; maps and lists are copied, so a rendering neither sees nor makes
     * changes from outside.
     *
     * @param nesting how deep it may still be nested
     * @throws TemplateException LIMIT where it is nested too deeply
     */
    static @Nullable Object of(@Nullable Object value, int nesting) {
        return switch (value) {
            case null -> null;
            case String s -> s;
            case Boolean b -> b;
            case Long l -> l;
            case Integer i -> i.longValue();
            case Double d -> d;
            case Map<?, ?> map -> {
                Map<@Nullable Object, @Nullable Object> copy = LinkedHashMap.newLinkedHashMap(map.size());
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    copy.put(of(entry.getKey(), deeper(nesting)), of(entry.getValue(), deeper(nesting)));
                }
                yield copy;
            }
            case Collection<?> items -> {
                List<@Nullable Object> copy = new ArrayList<>(items.size());
                for (Object item : items) {
                    copy.add(of(item, deeper(nesting)));
                }
                yield copy;
            }
            case Short s -> s.longValue();
            case Byte b -> b.longValue();
            case Float f -> f.doubleValue();
            case BigInteger b -> Numbers.shrink(b);
            case BigDecimal b -> b.doubleValue();
            default ->
                throw new IllegalArgumentException("a template variable holds a "
                        + value.getClass().getName() + "; give maps, lists, strings, numbers, booleans or null");
        };
    }

    private static int deeper(int nesting) {
        if (nesting <= 0) {
            throw TemplateException.limit("the template's variables are nested too deeply");
        }
        return nesting - 1;
    }
}
