package io.vllmd.chat.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.ProblemException;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A damaged tokenizer.json is told as a problem or gives a tokenizer that works; nothing else comes of it. */
class TokenizerFileFuzzTest {
    private static final int ROUNDS = Integer.getInteger("vllmd.fuzz.rounds", 2000);
    private static final String TEXT = "Hello, wörld! 123 <a> \n\n 漢字 it's\t😀 <end>";
    private static final String[] PIECES = {
        "null",
        "-1",
        "1e999",
        "0.5",
        "true",
        "\"\"",
        "[]",
        "{}",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "9999999999999999999",
        "\"type\":\"Sequence\"",
        "\"type\":\"ByteLevel\"",
        "\"type\":\"Split\"",
        "(",
        ")",
        "\\\\p{L}",
        "é",
        "\u0120"
    };

    private static String sound() {
        return TestTokenizer.bytes()
                .merge("H", "e")
                .merge("l", "l")
                .merge("He", "ll")
                .added("<end>", "special", "rstrip")
                .added("<a>", "normalized", "single_word")
                .normalizer(
                        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Replace\",\"pattern\":"
                                + "{\"Regex\":\"x+\"},\"content\":\"y\"},{\"type\":\"Lowercase\"}]}")
                .preTokenizer("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
                        + "\"\\\\p{L}+|\\\\s+\"},\"behavior\":\"MergedWithNext\",\"invert\":false},{\"type\":\"Digits\","
                        + "\"individual_digits\":true}," + TestTokenizer.byteLevel() + "]}")
                .json();
    }

    @Test
    void aDamagedFileGivesAProblemOrAWorkingTokenizer() {
        Random random = new Random(5);
        String sound = sound();
        assertEquals(TEXT.toLowerCase(Locale.ROOT).replace("<end>", ""), readBack(TestTokenizer.load(sound)));
        int problems = 0;
        for (int round = 0; round < ROUNDS; round++) {
            String damaged = damage(sound, random);
            try {
                Tokenizer tokenizer = TestTokenizer.load(damaged);
                int[] ids = tokenizer.encode(TEXT);
                for (int id : ids) {
                    assertTrue(id >= 0 && id < tokenizer.vocabularySize());
                }
                assertEquals(tokenizer.decode(ids), streamed(tokenizer, ids));
            } catch (ProblemException e) {
                assertTrue(e.problem().message().length() > 20, e.problem().message());
                problems++;
            } catch (RuntimeException | StackOverflowError e) {
                throw new AssertionError("round " + round + ": " + damaged, e);
            }
        }
        assertTrue(problems > ROUNDS / 4 && problems < ROUNDS, "the damage is too small or too great: " + problems);
    }

    private static String readBack(Tokenizer tokenizer) {
        return tokenizer.decode(tokenizer.encode(TEXT));
    }

    private static String streamed(Tokenizer tokenizer, int[] ids) {
        Detokenizer detokenizer = tokenizer.detokenizer();
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.append(detokenizer.push(id));
        }
        return text.append(detokenizer.finish()).toString();
    }

    private static String damage(String sound, Random random) {
        StringBuilder json = new StringBuilder(sound);
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            // The vocabulary is most of the file; half of the damage goes elsewhere.
            int at = random.nextInt(random.nextBoolean() ? Math.min(json.length(), 1300) : json.length());
            String piece = PIECES[random.nextInt(PIECES.length)];
            switch (random.nextInt(6)) {
                case 0 -> json.setLength(at);
                case 1 -> json.insert(at, piece);
                case 2 -> json.replace(at, Math.min(json.length(), at + piece.length()), piece);
                case 3 -> json.delete(at, Math.min(json.length(), at + 1 + random.nextInt(20)));
                case 4 -> json.insert(at, json.substring(at, Math.min(json.length(), at + 1 + random.nextInt(60))));
                default -> json.setCharAt(at, (char) random.nextInt(random.nextInt(9) == 0 ? 0xd800 : 127));
            }
            if (json.isEmpty()) {
                break;
            }
        }
        return json.toString();
    }
}
