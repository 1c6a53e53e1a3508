package io.vllmd.api.openai;

import io.vllmd.config.Problem;
import io.vllmd.config.Reasons;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Reads and writes JSON within bounds that hostile input cannot break. */
final class Json {
    private static final int MAX_DEPTH = 100;
    private static final int MAX_NUMBER = 100;

    /** Strings and documents are bounded by the body's size alone, which the carrier has checked. */
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxNumberLength(MAX_NUMBER)
                            .maxStringLength(Integer.MAX_VALUE)
                            .build())
                    .build())
            .build();

    private Json() {}

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static byte[] bytes(JsonNode node) {
        return MAPPER.writeValueAsBytes(node);
    }

    /**
     * The object that a request's body holds.
     *
     * @throws io.vllmd.config.ProblemException INVALID naming line and column, or what came in an object's place
     */
    static ObjectNode readObject(byte[] body) {
        JsonNode node;
        try {
            node = MAPPER.readTree(body);
        } catch (JacksonException e) {
            throw malformed(e);
        }
        if (node instanceof ObjectNode object) {
            return object;
        }
        String got = body.length == 0 || node.isMissingNode() ? "nothing" : Fields.typeName(node);
        throw Problem.of(Problem.Kind.INVALID, "The body must be a JSON object; it is " + got + ".")
                .asException();
    }

    private static RuntimeException malformed(JacksonException e) {
        TokenStreamLocation at = e.getLocation();
        String where = at == null || at.getLineNr() < 1
                ? ""
                : " at line %d, column %d".formatted(at.getLineNr(), at.getColumnNr());
        return Problem.of(
                        Problem.Kind.INVALID,
                        "The body is not valid JSON%s: %s.".formatted(where, Reasons.ofParser(e.getOriginalMessage())))
                .asException(e);
    }
}
