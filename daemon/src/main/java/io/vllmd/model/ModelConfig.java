package io.vllmd.model;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A config.json read field by field. A field that is missing, of another kind or out of range is an INVALID
 * problem that names field, value and bounds; null counts as missing.
 *
 * @param where names the file in messages
 */
record ModelConfig(JsonNode root, String where) {

    boolean has(String field) {
        return find(field) != null;
    }

    @Nullable
    JsonNode find(String field) {
        JsonNode value = root.get(field);
        return value == null || value.isNull() ? null : value;
    }

    int integer(String field, int least, int most) {
        JsonNode value = find(field);
        if (value == null) {
            throw missing(field);
        }
        return integer(field, value, least, most);
    }

    int integer(String field, int least, int most, int absent) {
        JsonNode value = find(field);
        return value == null ? absent : integer(field, value, least, most);
    }

    private int integer(String field, JsonNode value, int least, int most) {
        if (!value.isIntegralNumber()
                || !value.canConvertToInt()
                || value.intValue() < least
                || value.intValue() > most) {
            throw invalid(field, "is " + shown(value) + "; an integer from " + least + " to " + most + " is expected");
        }
        return value.intValue();
    }

    float number(String field, double least, double most) {
        JsonNode value = find(field);
        if (value == null) {
            throw missing(field);
        }
        return number(field, value, least, most);
    }

    float number(String field, double least, double most, double absent) {
        JsonNode value = find(field);
        return value == null ? (float) absent : number(field, value, least, most);
    }

    private float number(String field, JsonNode value, double least, double most) {
        // Written so that NaN fails as well.
        if (!value.isNumber() || !(value.doubleValue() >= least && value.doubleValue() <= most)) {
            throw invalid(field, "is " + shown(value) + "; a number from " + least + " to " + most + " is expected");
        }
        return (float) value.doubleValue();
    }

    boolean flag(String field, boolean absent) {
        JsonNode value = find(field);
        if (value == null) {
            return absent;
        }
        if (!value.isBoolean()) {
            throw invalid(field, "is " + shown(value) + "; true or false is expected");
        }
        return value.booleanValue();
    }

    String text(String field, String absent) {
        JsonNode value = find(field);
        if (value == null) {
            return absent;
        }
        if (!value.isString()) {
            throw invalid(field, "is " + shown(value) + "; a string is expected");
        }
        return value.stringValue();
    }

    /** The object under this field as a configuration of its own, or null; its fields are named with a dot. */
    @Nullable
    ModelConfig object(String field) {
        JsonNode value = find(field);
        if (value == null) {
            return null;
        }
        if (!value.isObject()) {
            throw invalid(field, "is " + shown(value) + "; an object is expected");
        }
        return new ModelConfig(value, where + ", " + field);
    }

    /** Refuses a switch that changes the arithmetic in a way that is not built. */
    void refuseUnlessFalse(String field) {
        if (flag(field, false)) {
            throw unsupported(field, "is true; only false is supported");
        }
    }

    ProblemException missing(String field) {
        return invalid(field, "is missing");
    }

    ProblemException invalid(String field, String what) {
        return Problem.of(Problem.Kind.INVALID, where + ": " + field + " " + what, field)
                .asException();
    }

    ProblemException unsupported(String field, String what) {
        return Problem.of(Problem.Kind.UNSUPPORTED, where + ": " + field + " " + what, field)
                .asException();
    }

    /** A value as it goes into a message: short, whatever the file holds. */
    static String shown(JsonNode value) {
        String text = value.toString();
        return text.length() <= 80 ? text : text.substring(0, 77) + "...";
    }
}
