package io.vllmd.chat.template;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a template says, it renders or fails with a TemplateException; the limits bound how long that takes. */
class FuzzTest {
    private static final Limits SMALL = new Limits(1 << 16, 60, 20_000, 1 << 14, 1 << 18);
    private static final int TEMPLATES = 8_000;

    private static final List<String> ATOMS = List.of(
            "1",
            "0",
            "-7",
            "2.5",
            "1e300",
            "'a'",
            "'x y'",
            "''",
            "'%s{}'",
            "true",
            "none",
            "nosuch",
            "s",
            "n",
            "l",
            "d",
            "m",
            "[1, 'b', none]",
            "{'k': [1], 2: 'v'}",
            "(1, 2)",
            "()",
            "range(4)",
            "loop",
            "ns",
            "u",
            "9223372036854775807",
            "l|map('string')",
            "d.items()",
            "'<b>'|safe",
            "ns.x",
            "x",
            "f(1)",
            "f");

    private static final List<String> BINARY = List.of(
            " + ",
            " - ",
            " * ",
            " / ",
            " // ",
            " % ",
            " ** ",
            " ~ ",
            " == ",
            " != ",
            " < ",
            " >= ",
            " in ",
            " not in ",
            " and ",
            " or ",
            " is sameas ",
            " if 1 else ",
            ", ");

    private static final List<String> PIECES = List.of(
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "{%-",
            "-%}",
            "{{-",
            "-}}",
            "{%+",
            "+%}",
            "\n",
            "  ",
            "'",
            "\"",
            "\\",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ".",
            ":",
            ",",
            "|",
            "~",
            "=",
            "==",
            "if",
            "else",
            "elif",
            "endif",
            "for",
            "in",
            "endfor",
            "set",
            "endset",
            "macro",
            "endmacro",
            "call",
            "endcall",
            "filter",
            "raw",
            "endraw",
            "is",
            "not",
            "defined",
            "a",
            "1",
            "0x",
            "1e",
            "1.",
            "💥",
            "\u0000",
            "'\\u12'",
            "recursive",
            "with",
            "namespace",
            "\r\n",
            "*",
            "**");

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void wellFormedNonsense(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < TEMPLATES; i++) {
            run(body(random, 3), seed, i);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {4, 5})
    void tokenSoup(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < TEMPLATES; i++) {
            String source = IntStream.range(0, 1 + random.nextInt(24))
                    .mapToObj(n -> pick(random, PIECES) + (random.nextBoolean() ? " " : ""))
                    .collect(Collectors.joining());
            run(source, seed, i);
        }
    }

    private static void run(String source, long seed, int i) {
        try {
            ChatTemplate.compile(source, SMALL)
                    .render(
                            Map.of(
                                    "s",
                                    "some Text",
                                    "n",
                                    7,
                                    "l",
                                    List.of(3, "b", 1.5),
                                    "d",
                                    Map.of("k", 1, "items", List.of()),
                                    "u",
                                    "ü🌦"),
                            TemplateData.CLOCK);
        } catch (TemplateException expected) {
            return;
        } catch (RuntimeException | Error e) {
            fail("seed " + seed + ", template " + i + ":\n" + source, e);
        }
    }

    /** Sets of constants have another order in every run. */
    private static List<String> sorted(Set<String> names) {
        return names.stream().sorted().toList();
    }

    private static String pick(Random random, List<String> from) {
        return from.get(random.nextInt(from.size()));
    }

    private static String body(Random random, int depth) {
        StringBuilder out = new StringBuilder();
        for (int i = random.nextInt(4); i >= 0; i--) {
            out.append(statement(random, depth));
        }
        return out.toString();
    }

    private static String statement(Random random, int depth) {
        int kind = depth == 0 ? random.nextInt(4) : random.nextInt(12);
        return switch (kind) {
            case 0 -> " text\n";
            case 1, 2 -> "{{ " + expression(random, depth) + " }}";
            case 3 -> "{% set x = " + expression(random, depth) + " %}";
            case 4 ->
                "{% if " + expression(random, depth) + " %}" + body(random, depth - 1) + "{% else %}"
                        + body(random, depth - 1) + "{% endif %}";
            case 5, 6 ->
                "{% for m in " + expression(random, depth) + " recursive %}" + body(random, depth - 1) + "{% endfor %}";
            case 7 -> "{% macro f(a, b=" + expression(random, 0) + ") %}" + body(random, depth - 1) + "{% endmacro %}";
            case 8 -> "{% set ns = namespace(x=1) %}{% set ns.x = " + expression(random, depth) + " %}";
            case 9 -> "{% call(q) f(" + expression(random, 0) + ") %}" + body(random, depth - 1) + "{% endcall %}";
            case 10 -> "{% filter " + filter(random) + " %}" + body(random, depth - 1) + "{% endfilter %}";
            default -> "{% for m, k in d.items() if " + expression(random, 1) + " %}{% break %}{% endfor %}";
        };
    }

    private static String expression(Random random, int depth) {
        if (depth == 0) {
            return pick(random, ATOMS);
        }
        String inner = expression(random, depth - 1);
        return switch (random.nextInt(9)) {
            case 0, 1 -> inner;
            case 2 -> "(" + inner + ")|" + filter(random);
            case 3 -> "(" + inner + ")." + method(random);
            case 4 -> "(" + inner + ")[" + expression(random, 0) + "]";
            case 5 -> "(" + inner + ")[" + expression(random, 0) + ":" + expression(random, 0) + ":-1]";
            case 6 -> "(" + inner + ") is " + pick(random, sorted(Tests.NAMES)) + "(" + expression(random, 0) + ")";
            case 7 -> (random.nextBoolean() ? "-" : "not ") + "(" + inner + ")";
            default -> "(" + inner + ")" + pick(random, BINARY) + "(" + expression(random, depth - 1) + ")";
        };
    }

    private static String filter(Random random) {
        String name = pick(random, sorted(Filters.NAMES));
        return switch (random.nextInt(4)) {
            case 0 -> name + "(" + expression(random, 0) + ")";
            case 1 -> name + "(" + expression(random, 0) + ", " + expression(random, 0) + ")";
            case 2 -> name + "(attribute=" + expression(random, 0) + ")";
            default -> name;
        };
    }

    private static String method(Random random) {
        List<String> others =
                List.of("items", "get", "keys", "values", "index", "count", "append", "pop", "cycle", "zz");
        String name = random.nextInt(3) == 0 ? pick(random, others) : pick(random, sorted(StringMethods.NAMES));
        return switch (random.nextInt(4)) {
            case 0 -> name + "()";
            case 1 -> name + "(" + expression(random, 0) + ", " + expression(random, 0) + ")";
            case 2 -> name;
            default -> name + "(" + expression(random, 0) + ")";
        };
    }
}
