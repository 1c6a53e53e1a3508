package io.vllmd.chat.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vllmd.chat.template.TemplateException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Hostile templates end with LIMIT, none by exhausting the machine. */
class LimitsTest {
    private static final Limits SMALL = new Limits(1 << 16, 100, 200_000, 1 << 16, 1 << 20);

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
                "{% for a in range(100000) %}{{ 'xxxxxxxxxx' }}{% endfor %}",
                "{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                "{% set ns = namespace(l=[1]) %}{% for a in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
                "{% set ns = namespace(l=[]) %}{% for a in range(50000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l"
                        + " }}",
                "{% set ns = namespace(l=[]) %}{% for a in range(50000) %}{% set ns.l = [ns.l] %}{% endfor %}"
                        + "{{ ns.l|tojson }}",
                "{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}",
                "{{ 'x' * 1000000000 }}",
                "{{ [1, 2] * 9223372036854775807 }}",
                "{{ 'x'.ljust(1000000000) }}",
                "{{ 'x'|center(1000000000) }}",
                "{{ '%1000000000d' % 1 }}",
                "{{ '{:1000000000}'.format(1) }}",
                "{{ ('a' * 30000).replace('a', 'b' * 30000) }}",
                "{{ ('a' * 30000).replace('', 'b' * 30000) }}",
                "{{ [('a' * 30000), ('a' * 30000), 'b']|join('c' * 30000) }}",
                "{{ 99 ** 9999 }}",
                "{{ 2 ** 1000000 }}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}"
                        + "{% endmacro %}{{ n() }}",
                "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
                "{{ range(100000)|map('string')|map('upper')|map('lower')|map('trim')|list }}",
                "{{ range(100000)|slice(100000)|list|length }}",
                "{{ [1]|batch(1000000000, 'x')|list }}",
                "{{ ('a ' * 30000)|indent(1000) }}{{ ('\n' * 30000)|indent(1000, true, true) }}",
                "{{ 'abc'|tojson(indent=1000000000) }}{{ (('[' * 1000) ~ 'x')|list|tojson(indent=1000) }}",
                "{{ range(10000000000) }}"
            })
    void worksUpToALimitAndNoFurther(String source) {
        ChatTemplate template = ChatTemplate.compile(source, SMALL);
        TemplateException failure = assertThrows(TemplateException.class, () -> template.render(Map.of()));
        assertEquals(Kind.LIMIT, failure.kind(), failure.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "(,)",
        "[,]",
        "{1:,}",
        "'- ',",
        "'not ',",
        "a[,]",
        "a(,)",
        "1 if (,)",
        "a|b(,)",
        ",.a",
        ",[0]",
        ",()",
        ",|a"
    })
    void deeplyNestedExpressionsAreRefusedBeforeTheyExhaustTheStack(@Nullable String before, @Nullable String after) {
        String opening = before == null ? "" : before;
        String closing = after == null ? "" : after;
        String source = "{{ " + opening.repeat(5_000) + "1" + closing.repeat(5_000) + " }}";
        TemplateException failure = assertThrows(TemplateException.class, () -> ChatTemplate.compile(source));
        assertEquals(Kind.LIMIT, failure.kind(), failure.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"{% if a %}", "{% for a in b %}", "{% macro a() %}", "{% with %}", "{% filter trim %}"})
    void deeplyNestedTagsAreRefused(String tag) {
        TemplateException failure =
                assertThrows(TemplateException.class, () -> ChatTemplate.compile(tag.repeat(5_000)));
        assertEquals(Kind.LIMIT, failure.kind(), failure.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1+", "1*", "1**", "1~", "1 or ", "1 and ", "1<"})
    void longChainsOfOperatorsRenderOrReachALimit(String link) {
        ChatTemplate template = ChatTemplate.compile("{{ " + link.repeat(100_000) + "1 }}");
        try {
            template.render(Map.of());
        } catch (TemplateException e) {
            assertEquals(Kind.LIMIT, e.kind(), e.getMessage());
        }
    }

    @Test
    void aTemplateTooLongIsRefused() {
        TemplateException failure =
                assertThrows(TemplateException.class, () -> ChatTemplate.compile("x".repeat(100_000), SMALL));
        assertEquals(Kind.LIMIT, failure.kind());
    }

    @Test
    void variablesNestedTooDeeplyAreRefused() {
        List<Object> deep = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            deep = new ArrayList<>(List.of(deep));
        }
        Map<String, Object> variables = Map.of("deep", deep);
        ChatTemplate template = ChatTemplate.compile("x");
        TemplateException failure = assertThrows(TemplateException.class, () -> template.render(variables));
        assertEquals(Kind.LIMIT, failure.kind());
    }

    @Test
    void theSameTemplateFailsAtTheSamePlaceEveryTime() {
        ChatTemplate template = ChatTemplate.compile(
                "{% for a in range(90000) %}\n{% for b in range(9) %}{% endfor %}\n{% endfor %}", SMALL);
        TemplateException first = assertThrows(TemplateException.class, () -> template.render(Map.of()));
        TemplateException second = assertThrows(TemplateException.class, () -> template.render(Map.of()));
        assertEquals(first.getMessage(), second.getMessage());
        assertEquals(2, first.line());
    }
}
