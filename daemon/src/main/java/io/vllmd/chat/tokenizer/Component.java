package io.vllmd.chat.tokenizer;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One part of tokenizer.json, such as a normalizer, with the place where it stands for messages.
 *
 * @param place file and path inside it, such as {@code tokenizer.json: pre_tokenizer}
 */
record Component(String place, Map<String, @Nullable Object> fields) {

    String type() {
        return string("type");
    }

    String string(String name) {
        if (fields.get(name) instanceof String text) {
            return text;
        }
        throw wrong(name, "a string");
    }

    boolean flag(String name, boolean absent) {
        Object value = fields.get(name);
        if (value == null) {
            return absent;
        }
        if (value instanceof Boolean flag) {
            return flag;
        }
        throw wrong(name, "true or false");
    }

    Component component(String name) {
        return of(place + "." + name, fields.get(name), name);
    }

    List<Component> components(String name) {
        if (!(fields.get(name) instanceof List<?> list)) {
            throw wrong(name, "a list");
        }
        List<Component> components = new ArrayList<>();
        for (Object item : list) {
            components.add(of(place + "." + name + "[" + components.size() + "]", item, name));
        }
        return components;
    }

    private Component of(String at, @Nullable Object value, String name) {
        if (!(value instanceof Map<?, ?> map)) {
            throw wrong(name, "an object");
        }
        @SuppressWarnings("unchecked") // JsonTree makes no other maps
        Map<String, @Nullable Object> known = (Map<String, @Nullable Object>) map;
        return new Component(at, known);
    }

    /** A problem with a field's value. */
    ProblemException wrong(String name, String expected) {
        return Problem.of(
                        Problem.Kind.INVALID,
                        place + "." + name + " must be " + expected + ", it is " + shown(fields.get(name))
                                + ". The file is damaged or not a tokenizer; download it again.",
                        place)
                .asException();
    }

    /** A problem with something that the format allows and vllmd does not read. */
    ProblemException unsupported(String what, String supported) {
        return Problem.of(
                        Problem.Kind.UNSUPPORTED,
                        place + ": " + what + " is not supported; supported: " + supported + ".",
                        place,
                        supported)
                .asException();
    }

    private static String shown(@Nullable Object value) {
        if (value == null) {
            return "missing or null";
        }
        String text = value.toString();
        return text.length() > 60 ? text.substring(0, 60) + "…" : text;
    }
}
