package io.vllmd.chat.template;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vllmd.chat.template.TemplateException.Kind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The chat templates of 129 published models, against what Python made of them: every rendering, every refusal. */
class CorpusTest {

    @Test
    void everyRenderingAndEveryRefusalIsPythons() {
        Path corpus = TemplateData.testData("corpus/chat-templates");
        JsonNode templates =
                TemplateData.MAPPER.readTree(corpus.resolve("templates.json").toFile());
        JsonNode cases =
                TemplateData.MAPPER.readTree(corpus.resolve("cases.json").toFile());
        List<String> different = new ArrayList<>();
        int renderings = 0;
        int refusals = 0;
        for (JsonNode each : cases) {
            String source = templates.path(each.path("t").asString()).asString();
            String expected = each.has("out")
                    ? each.path("out").asString()
                    : each.path("err").asString();
            String actual = each.has("out") ? render(source, each) : refusal(source, each, expected);
            if (!expected.equals(actual)) {
                different.add(each.path("t").asString() + ", "
                        + each.path("case").asString() + ": expected\n" + expected + "\nbut got\n" + actual);
            }
            renderings += each.has("out") ? 1 : 0;
            refusals += each.has("out") ? 0 : 1;
        }
        assertEquals(List.of(), different);
        assertEquals(List.of(1697, 420), List.of(renderings, refusals));
    }

    private static String render(String source, JsonNode each) {
        try {
            return ChatTemplate.compile(source).render(variables(each), TemplateData.CLOCK);
        } catch (TemplateException e) {
            return e.toString();
        }
    }

    /** The failure in Python's words; the corpus cuts messages at 200 characters. */
    private static String refusal(String source, JsonNode each, String expected) {
        try {
            return "rendered: " + ChatTemplate.compile(source).render(variables(each), TemplateData.CLOCK);
        } catch (TemplateException e) {
            boolean refused = expected.startsWith("TemplateError: ");
            if (refused != (e.kind() == Kind.REFUSED)) {
                return e.kind() + ": " + e.reason();
            }
            String type = expected.substring(0, expected.indexOf(": ") + 2);
            return type + e.reason().substring(0, Math.min(200, e.reason().length()));
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> variables(JsonNode each) {
        return TemplateData.MAPPER.convertValue(each.path("ctx"), Map.class);
    }
}
