package io.vllmd.chat.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vllmd.chat.template.TemplateException.Kind;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ChatTemplateTest {

    @Test
    void aRefusalCarriesExactlyWhatTheTemplateSaid() {
        ChatTemplate template = ChatTemplate.compile("\n{{ raise_exception('Roles must alternate!') }}");
        TemplateException refusal = assertThrows(TemplateException.class, () -> template.render(Map.of()));
        assertEquals(Kind.REFUSED, refusal.kind());
        assertEquals("Roles must alternate!", refusal.getMessage());
    }

    @Test
    void aFailureNamesItsLine() {
        ChatTemplate template =
                ChatTemplate.compile("a\n{% for m in messages %}\n  {{ m.role + m.content }}\n{% endfor %}");
        Map<String, Object> variables = Map.of("messages", List.of(Map.of("role", "user", "content", List.of())));
        TemplateException failure = assertThrows(TemplateException.class, () -> template.render(variables));
        assertEquals(Kind.EVALUATION, failure.kind());
        assertEquals("can only concatenate str (not \"list\") to str (template line 3)", failure.getMessage());
    }

    @Test
    void aSyntaxErrorNamesItsLineAndWhatWasExpected() {
        TemplateException failure =
                assertThrows(TemplateException.class, () -> ChatTemplate.compile("a\n\n{% if x %}\n{{ y ] }}"));
        assertEquals(Kind.SYNTAX, failure.kind());
        assertEquals("unexpected ']' (template line 4)", failure.getMessage());
    }

    @Test
    void variablesOfJavaAndJsonMeanTheirPythonCounterparts() {
        Map<String, Object> variables = new LinkedHashMap<>();
        variables.put("i", 3);
        variables.put("s", (short) 4);
        variables.put("f", 0.5f);
        variables.put("d", new BigDecimal("1.25"));
        variables.put("set", Collections.singleton("x"));
        variables.put("none", null);
        variables.put("nothing", null);
        assertEquals(
                "4 8 0.5 1.25 ['x'] None",
                ChatTemplate.compile("{{ i + 1 }} {{ s * 2 }} {{ f }} {{ d }} {{ set }} {{ nothing }}")
                        .render(variables));
        assertThrows(
                IllegalArgumentException.class,
                () -> ChatTemplate.compile("x").render(Map.of("odd", Thread.currentThread())));
    }

    @Test
    void variablesAreNeverChanged() {
        List<Object> list = new ArrayList<>(List.of(1));
        Map<String, Object> variables = new LinkedHashMap<>(Map.of("list", list, "x", 1));
        ChatTemplate.compile("{% set x = 2 %}{% set list = list + [2] %}{{ x }}{{ list }}")
                .render(variables);
        assertEquals(Map.of("list", List.of(1), "x", 1), variables);
    }

    @Test
    void oneTemplateServesManyThreads() {
        ChatTemplate template = ChatTemplate.compile(
                "{% set ns = namespace(t='') %}{% for a in range(n) %}{% set ns.t = ns.t ~ a %}{% endfor %}{{ ns.t }}");
        IntStream.range(0, 2_000).parallel().forEach(i -> {
            int n = i % 12;
            String expected = String.join(
                    "", IntStream.range(0, n).mapToObj(Integer::toString).toList());
            assertEquals(expected, template.render(Map.of("n", n)));
        });
    }

    @Test
    void tagsThatReachForOtherFilesAreRefused() {
        for (String tag : Set.of("include 'x'", "import 'x' as y", "from 'x' import y", "extends 'x'", "block x")) {
            TemplateException failure =
                    assertThrows(TemplateException.class, () -> ChatTemplate.compile("{% " + tag + " %}"));
            assertEquals(Kind.SYNTAX, failure.kind());
        }
    }
}
