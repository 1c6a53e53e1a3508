package io.vllmd.chat.guard;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** What answers look like that repeat themselves on purpose, and what they look like when a model is stuck. */
final class RepetitionCorpus {

    private static final String CHORUS = """
            Oh, sing it again, sing it loud tonight,
            Oh, carry the lantern and carry the light.

            """;

    private static final String VERSE = """
            Row, row, row your boat,
            Gently down the stream.
            Merrily, merrily, merrily, merrily,
            Life is but a dream.

            """;

    private RepetitionCorpus() {}

    /** By name; none of them is a loop. */
    static Map<String, String> onPurpose() {
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put("a rule of dashes", "Before\n" + "-".repeat(400) + "\nAfter\n");
        texts.put("a rule of equals signs", "Title\n" + "=".repeat(300) + "\nText follows here.\n");
        texts.put("rules of many kinds", "*".repeat(120) + "\n" + "~".repeat(120) + "\n" + "_".repeat(120) + "\n");
        texts.put(
                "box drawing",
                ("┌" + "─".repeat(60) + "┐\n" + ("│" + " ".repeat(60) + "│\n").repeat(8) + "└" + "─".repeat(60)
                        + "┘\n"));
        texts.put("a markdown table", table());
        texts.put(
                "a table of equal rows",
                "| Task | State | Owner |\n|---|---|---|\n" + "| TBD | not started | n/a |\n".repeat(25));
        texts.put("a wide table border", "|" + "---|".repeat(40) + "\n|" + " |".repeat(40) + "\n");
        texts.put("ASCII art", art());
        texts.put("a chess board", board());
        texts.put(
                "base64 of zeros",
                "data:application/octet-stream;base64," + Base64.getEncoder().encodeToString(new byte[1500]));
        texts.put("hex of zeros", "0x" + "00".repeat(900));
        texts.put("a hex dump", hexDump());
        texts.put(
                "base64 of a repeating pattern",
                Base64.getEncoder().encodeToString("abcabcabc".repeat(90).getBytes(StandardCharsets.UTF_8)));
        texts.put("indented code", code());
        texts.put("generated assignments", assignments());
        texts.put("closing braces", "{\"a\":".repeat(60) + "1" + "}".repeat(60));
        texts.put("CSV of equal rows", "name,city,active\n" + "John Smith,New York,true\n".repeat(60));
        texts.put("CSV of zeros", "0,0,0,0,0,0,0,0,0,0\n".repeat(60));
        texts.put("a column of equal words", "yes\n".repeat(120));
        texts.put("a numbered list", numbered());
        texts.put("a numbered list of equal items", numberedEqual());
        texts.put("a poem with a refrain", poem());
        texts.put("a song", song());
        texts.put("a chorus sung four times", CHORUS.repeat(4));
        texts.put("JSON numbers", "{\"weights\": [" + "0.0, ".repeat(250) + "0.0]}");
        texts.put("JSON strings", "[" + "\"not available\", ".repeat(90) + "\"not available\"]");
        texts.put("JSON nulls", "[" + "null, ".repeat(200) + "null]");
        texts.put("JSON objects", "[\n" + "  {\"name\": \"unknown\", \"value\": 0, \"tags\": []},\n".repeat(30) + "]");
        texts.put("a matrix of zeros", ("[" + "0, ".repeat(31) + "0],\n").repeat(32));
        texts.put("HTML", "<ul>\n" + "  <li><a href=\"#\">Item</a></li>\n".repeat(40) + "</ul>\n");
        texts.put("blank lines", "Sign here:" + "\n".repeat(60) + "Thank you.");
        texts.put("fields to fill in", "Name: " + "_".repeat(200) + "\nDate: " + ".".repeat(200));
        texts.put("laughter", "That is so funny! " + "ha".repeat(60) + " " + "哈".repeat(40));
        texts.put("a scream", "N" + "o".repeat(150) + "!" + "!".repeat(80) + " A" + "a".repeat(100) + "h");
        texts.put("lines to copy", "I will not talk in class.\n".repeat(5));
        texts.put("emoji", "🎉".repeat(100));
        return texts;
    }

    /** By name, the run that a stuck model repeats for ever. */
    static Map<String, String> loops() {
        Map<String, String> loops = new LinkedHashMap<>();
        loops.put("one word", " the");
        loops.put("a word and a name", " New York");
        loops.put("three words", " and so on");
        loops.put("a sentence", "I am sorry, but I cannot help with that request. ");
        loops.put("a line", "Wait, let me check the second case again.\n");
        loops.put("a bullet", "- The quick brown fox jumps over the lazy dog\n");
        loops.put("a Chinese sentence", "对不起，我不能回答这个问题。");
        loops.put("a Russian sentence", "Я не могу ответить на этот вопрос. ");
        loops.put(
                "a paragraph",
                "The committee met on Tuesday to discuss the budget for the coming year. Several members asked for more"
                        + " time, since the figures had only arrived the evening before. The chair proposed to put the"
                        + " vote off until the next meeting, and nobody objected.\n\n");
        loops.put(
                "an answer with markup",
                "## Summary\n\nThe function reads a file and counts its words. It works in two steps: first it reads"
                        + " all lines, then it splits each of them at the spaces. You can call it like this: `count(path)`."
                        + " Let me know if you want me to explain any part of it in more detail.\n\n");
        return loops;
    }

    /** Loops that look like data: they are found too, later. */
    static Map<String, String> loopsOfData() {
        Map<String, String> loops = new LinkedHashMap<>();
        loops.put("letters", "AAAA");
        loops.put("code", "    result = result + 1\n");
        loops.put("an element", "{\"a\": true}, ");
        loops.put("dashes", "-");
        loops.put("line breaks", "\n");
        loops.put("spaces", " ");
        return loops;
    }

    private static String table() {
        StringBuilder text = new StringBuilder("| Model | Size | Score | Notes |\n|:------|-----:|------:|:------|\n");
        Random random = new Random(1);
        for (int i = 0; i < 40; i++) {
            text.append("| model-")
                    .append(i)
                    .append("    | ")
                    .append(random.nextInt(100))
                    .append(" GB | ");
            text.append(random.nextInt(1000) / 10.0).append(" |           |\n");
        }
        return text.toString();
    }

    private static String art() {
        return "        _______________________________________\n"
                + "       /                                       \\\n"
                + ("      |   " + "/\\".repeat(18) + "   |\n").repeat(6)
                + ("      |   " + "::".repeat(18) + "   |\n").repeat(6)
                + "       \\_______________________________________/\n"
                + ("               |" + " ".repeat(20) + "|\n").repeat(6);
    }

    private static String board() {
        return ("+---".repeat(8) + "+\n" + "| # | . ".repeat(4) + "|\n").repeat(8) + "+---".repeat(8) + "+\n";
    }

    private static String hexDump() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            text.append(String.format(
                    "%08x  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|%n", i * 16));
        }
        return text.toString();
    }

    private static String code() {
        StringBuilder text = new StringBuilder("def build():\n");
        for (int i = 0; i < 30; i++) {
            text.append("                    if value is None:\n                        continue\n");
            text.append("                    total_").append(i).append(" += value\n\n");
        }
        return text.toString();
    }

    private static String assignments() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 20; i++) {
            text.append("    self.buffer.append(None)\n");
        }
        return text.toString();
    }

    private static String numbered() {
        StringBuilder text = new StringBuilder();
        for (int i = 1; i <= 80; i++) {
            text.append(i).append(". Check the box and press Enter.\n");
        }
        return text.toString();
    }

    private static String numberedEqual() {
        StringBuilder text = new StringBuilder();
        for (int i = 1; i <= 60; i++) {
            text.append(i).append(". ____________________\n");
        }
        return text.toString();
    }

    private static String poem() {
        String refrain = "And still the river runs, my love,\nand still the river runs.\n\n";
        return "The morning broke on silver reeds,\nthe heron stood alone,\n" + refrain
                + "We built a boat of willow wood,\nwe gave it all our own,\n" + refrain
                + "The summer burned, the autumn fell,\nthe winter turned to stone,\n" + refrain
                + "And when they ask me where you went\nI tell them: with the swans,\n" + refrain.repeat(3);
    }

    private static String song() {
        return VERSE.repeat(3) + "Na na na na, na na na na,\nhey hey hey, goodbye!\n".repeat(3);
    }
}
