package io.vllmd.api.openai;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Typed reading of an object's fields. A field that is null counts as absent; a wrong type or a value out of range is
 * a problem that names the field by its path, what came and what is wanted.
 *
 * @param path of this object, such as {@code messages[0]}, or "" for the body
 */
record Fields(ObjectNode object, String path) {
    private static final int SHOWN = 60;
    private static final int REPLACEMENT = 0xFFFD;

    String pathOf(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    @Nullable
    JsonNode get(String name) {
        JsonNode node = object.get(name);
        return node == null || node.isNull() ? null : node;
    }

    @Nullable
    String string(String name) {
        JsonNode node = get(name);
        if (node == null) {
            return null;
        }
        if (!node.isString()) {
            throw wrongType(pathOf(name), node, "a string");
        }
        return sound(node.stringValue());
    }

    boolean flag(String name) {
        return Boolean.TRUE.equals(flagOrNull(name));
    }

    @Nullable
    Boolean flagOrNull(String name) {
        JsonNode node = get(name);
        if (node == null) {
            return null;
        }
        if (!node.isBoolean()) {
            throw wrongType(pathOf(name), node, "true or false");
        }
        return node.booleanValue();
    }

    /** One of an enum's values by its name in lower case, or null where the field is absent. */
    <E extends Enum<E>> @Nullable E choice(String name, Class<E> type) {
        String given = string(name);
        if (given == null) {
            return null;
        }
        List<String> names = new ArrayList<>();
        for (E value : type.getEnumConstants()) {
            names.add(value.name().toLowerCase(Locale.ROOT));
            if (names.getLast().equals(given)) {
                return value;
            }
        }
        String range = "one of " + String.join(", ", names);
        throw invalid(name, "%s must be %s; it is %s.".formatted(pathOf(name), range, shown(given)), range);
    }

    /** A number of this range, or null where the field is absent. */
    @Nullable
    Double number(String name, double min, double max) {
        return number(name, min, max, "from %s to %s".formatted(shown(min), shown(max)));
    }

    /** A number of this range, told in these words, or null where the field is absent. */
    @Nullable
    Double number(String name, double min, double max, String range) {
        JsonNode node = get(name);
        if (node == null) {
            return null;
        }
        if (!node.isNumber()) {
            throw wrongType(pathOf(name), node, "a number");
        }
        double value = node.doubleValue();
        if (!(value >= min && value <= max)) {
            throw outOfRange(name, node, range);
        }
        return value;
    }

    /** A whole number of this range, or null where the field is absent. */
    @Nullable
    Long integer(String name, long min, long max) {
        JsonNode node = get(name);
        if (node == null) {
            return null;
        }
        String range = max == Long.MAX_VALUE && min > Long.MIN_VALUE
                ? "%d or more".formatted(min)
                : "from %d to %d".formatted(min, max);
        if (!node.isNumber()) {
            throw wrongType(pathOf(name), node, "a whole number");
        }
        double approximately = node.doubleValue();
        if (node.isFloatingPointNumber() && approximately != Math.rint(approximately)) {
            throw wrongType(pathOf(name), node, "a whole number");
        }
        // 2^63 is exact as a double, so this keeps longValue from overflowing.
        boolean fits = node.isFloatingPointNumber()
                ? approximately >= -0x1p63 && approximately < 0x1p63
                : node.canConvertToLong();
        if (!fits) {
            throw outOfRange(name, node, range);
        }
        long value = node.isFloatingPointNumber() ? (long) approximately : node.longValue();
        if (value < min || value > max) {
            throw outOfRange(name, node, range);
        }
        return value;
    }

    @Nullable
    Fields object(String name) {
        JsonNode node = get(name);
        if (node == null) {
            return null;
        }
        if (!(node instanceof ObjectNode object)) {
            throw wrongType(pathOf(name), node, "an object");
        }
        return new Fields(object, pathOf(name));
    }

    @Nullable
    ArrayNode array(String name) {
        JsonNode node = get(name);
        if (node == null) {
            return null;
        }
        if (!(node instanceof ArrayNode array)) {
            throw wrongType(pathOf(name), node, "an array");
        }
        return array;
    }

    static ProblemException wrongType(String path, JsonNode node, String wanted) {
        return Problem.of(
                        Problem.Kind.INVALID, "%s must be %s; it is %s.".formatted(path, wanted, typeName(node)), path)
                .asException();
    }

    ProblemException outOfRange(String name, JsonNode node, String range) {
        return invalid(name, "%s must be %s; it is %s.".formatted(pathOf(name), range, shown(node.toString())), range);
    }

    ProblemException invalid(String name, String sentence, @Nullable String limit) {
        return new Problem(Problem.Kind.INVALID, sentence, pathOf(name), limit).asException();
    }

    ProblemException unsupported(String name, String sentence) {
        return Problem.of(Problem.Kind.UNSUPPORTED, sentence, pathOf(name)).asException();
    }

    static String typeName(JsonNode node) {
        return switch (node.getNodeType()) {
            case STRING -> "a string";
            case NUMBER -> "the number " + shown(node.toString());
            case BOOLEAN -> node.toString();
            case ARRAY -> "an array";
            case OBJECT -> "an object";
            default -> "null";
        };
    }

    /** This text with every half of a surrogate pair that stands alone replaced: it has no UTF-8. */
    static String sound(String text) {
        int broken = firstLoneSurrogate(text);
        if (broken < 0) {
            return text;
        }
        var fixed = new StringBuilder(text.length()).append(text, 0, broken);
        text.codePoints()
                .skip(text.codePointCount(0, broken))
                .forEach(c -> fixed.appendCodePoint(
                        c <= Character.MAX_VALUE && Character.isSurrogate((char) c) ? REPLACEMENT : c));
        return fixed.toString();
    }

    private static int firstLoneSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (!Character.isSurrogatePair(text.charAt(i), i + 1 < text.length() ? text.charAt(i + 1) : ' ')) {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }

    /** A value as plain maps, lists, strings, numbers, booleans and nulls, which templates read. */
    static @Nullable Object plain(JsonNode node) {
        return switch (node.getNodeType()) {
            case STRING -> sound(node.stringValue());
            case NUMBER -> plainNumber(node);
            case BOOLEAN -> node.booleanValue();
            case ARRAY -> plainList((ArrayNode) node);
            case OBJECT -> plainMap((ObjectNode) node);
            default -> null;
        };
    }

    private static Number plainNumber(JsonNode node) {
        if (node.isIntegralNumber() && node.canConvertToLong()) {
            return node.longValue();
        }
        return node.doubleValue();
    }

    static List<@Nullable Object> plainList(ArrayNode array) {
        var list = new ArrayList<@Nullable Object>(array.size());
        for (JsonNode item : array) {
            list.add(plain(item));
        }
        return list;
    }

    static Map<String, @Nullable Object> plainMap(ObjectNode object) {
        var map = new LinkedHashMap<String, @Nullable Object>();
        for (var entry : object.properties()) {
            map.put(sound(entry.getKey()), plain(entry.getValue()));
        }
        return map;
    }

    /** A client's text as an error message may repeat it. */
    static String shown(String text) {
        return text.length() > SHOWN ? sound(text.substring(0, SHOWN)) + "…" : text;
    }

    private static String shown(double bound) {
        return bound == Math.rint(bound) ? Long.toString((long) bound) : Double.toString(bound);
    }
}
