package io.vllmd.control.protocol;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/** JSON text to and from trees of maps, lists, strings, Long, Double and Boolean, for small documents. */
public final class Json {
    /** Deepest nesting that is read. */
    public static final int MAX_DEPTH = 32;

    /** Written as null; never read. */
    enum Null {
        NULL
    }

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxNameLength(1000)
                    .maxNumberLength(64)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private Json() {}

    /**
     * Reads one object. Members that are null are left out.
     *
     * @throws JsonException where it is no JSON object, is nested too deeply, or has a null in a list
     */
    public static Map<String, Object> readObject(byte[] text) throws JsonException {
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new JsonException("it is no JSON object");
            }
            var object = object(parser);
            if (parser.nextToken() != null) {
                throw new JsonException("something follows the JSON object");
            }
            return object;
        } catch (JacksonException e) {
            throw new JsonException(e.getOriginalMessage());
        }
    }

    /** Writes a tree on one line, without a line end. */
    public static byte[] write(Object tree) {
        var out = new ByteArrayOutputStream(512);
        try (JsonGenerator generator = FACTORY.createGenerator(ObjectWriteContext.empty(), out)) {
            value(generator, tree);
        }
        return out.toByteArray();
    }

    /** Text that is not the JSON that was asked for. */
    public static final class JsonException extends Exception {
        private static final long serialVersionUID = 1L;

        JsonException(String message) {
            super(message);
        }
    }

    private static Map<String, Object> object(JsonParser parser) throws JsonException {
        var object = new LinkedHashMap<String, Object>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_NULL) {
                object.put(name, value(parser));
            }
        }
        return object;
    }

    private static List<Object> list(JsonParser parser) throws JsonException {
        var list = new ArrayList<Object>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            list.add(value(parser));
        }
        return list;
    }

    private static Object value(JsonParser parser) throws JsonException {
        return switch (parser.currentToken()) {
            case START_OBJECT -> object(parser);
            case START_ARRAY -> list(parser);
            case VALUE_STRING -> parser.getString();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NUMBER_INT -> parser.getLongValue();
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            default -> throw new JsonException("a list holds null");
        };
    }

    private static void value(JsonGenerator generator, Object value) {
        switch (value) {
            case Map<?, ?> map -> {
                generator.writeStartObject();
                map.forEach((name, member) -> {
                    generator.writeName(String.valueOf(name));
                    value(generator, member);
                });
                generator.writeEndObject();
            }
            case Collection<?> list -> {
                generator.writeStartArray();
                list.forEach(item -> value(generator, item));
                generator.writeEndArray();
            }
            case Null n -> generator.writeNull();
            case Boolean b -> generator.writeBoolean(b);
            case Double d -> generator.writeNumber(d);
            case Float f -> generator.writeNumber(f);
            case Number n -> generator.writeNumber(n.longValue());
            default -> generator.writeString(value.toString());
        }
    }
}
