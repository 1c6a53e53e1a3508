package io.vllmd.chat.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vllmd.chat.template.TemplateException.Kind;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Small templates, a few points of the language each, against what Python's jinja2 made of them. */
class ReferenceTest {

    static Stream<Arguments> templates() {
        return TemplateData.fixture("semantics.json")
                .valueStream()
                .map(row -> Arguments.of(row.path("template").asString(), row));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("templates")
    void rendersOrFailsAsPythonDoes(String source, JsonNode row) {
        if (row.has("out")) {
            assertEquals(row.path("out").asString(), render(source));
            return;
        }
        TemplateException failure = assertThrows(TemplateException.class, () -> render(source), source);
        assertEquals(kind(row.path("error").asString()), failure.kind(), failure.getMessage());
    }

    private static Kind kind(String pythonError) {
        return switch (pythonError) {
            case "TemplateError" -> Kind.REFUSED;
            case "TemplateSyntaxError" -> Kind.SYNTAX;
            case "OverflowError" -> Kind.LIMIT;
            // an unknown filter is found at compile time there and at render time here
            default -> Kind.EVALUATION;
        };
    }

    @SuppressWarnings("unchecked")
    private static String render(String source) {
        Map<String, Object> variables = TemplateData.MAPPER.convertValue(
                TemplateData.fixture("variables.json").get(0), Map.class);
        return ChatTemplate.compile(source).render(variables, TemplateData.CLOCK);
    }
}
