package io.vllmd.chat.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerFileTest {

    private static Problem problem(String json) {
        return assertThrows(ProblemException.class, () -> TestTokenizer.load(json))
                .problem();
    }

    private static void assertUnsupported(String named, TestTokenizer file) {
        Problem problem = problem(file.json());
        assertEquals(Problem.Kind.UNSUPPORTED, problem.kind(), problem.message());
        assertTrue(problem.message().contains(named), problem.message());
        assertTrue(problem.message().contains("supported: "), problem.message());
    }

    @Test
    void aMissingFileIsNotFound(@TempDir Path folder) {
        Path file = folder.resolve("tokenizer.json");
        ProblemException missing = assertThrows(ProblemException.class, () -> Tokenizer.load(file));
        assertEquals(Problem.Kind.NOT_FOUND, missing.problem().kind());
        assertTrue(missing.problem().message().contains(file.toString()));
    }

    @Test
    void whatIsNotSupportedIsRefusedByName() {
        assertUnsupported("Nmt", TestTokenizer.bytes().normalizer("{\"type\":\"Nmt\"}"));
        assertUnsupported("Metaspace", TestTokenizer.bytes().preTokenizer("{\"type\":\"Metaspace\"}"));
        assertUnsupported("ByteLevel", TestTokenizer.bytes().preTokenizer("null"));
        assertUnsupported("WordPiece", TestTokenizer.bytes().decoder("{\"type\":\"WordPiece\"}"));
        assertUnsupported("decoder", TestTokenizer.bytes().decoder("null"));
        assertUnsupported("byte_fallback", TestTokenizer.bytes().option("\"byte_fallback\":true"));
        assertUnsupported("end_of_word_suffix", TestTokenizer.bytes().option("\"end_of_word_suffix\":\"</w>\""));
        assertUnsupported("dropout", TestTokenizer.bytes().option("\"dropout\":0.1"));
        assertUnsupported("Unigram", TestTokenizer.bytes().option("\"type\":\"Unigram\""));
        assertUnsupported(
                "\\K",
                TestTokenizer.bytes()
                        .preTokenizer(
                                "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\\\\Kb\"},\"behavior\":\"Isolated\"}"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{",
                "{}",
                "{\"model\":7}",
                "{\"model\":{\"vocab\":{\"a\":-1}}}",
                "{\"model\":{\"vocab\":{\"a\":1.5}}}",
                "{\"model\":{\"vocab\":{\"a\":99999999999}}}",
                "{\"model\":{\"vocab\":{\"a\":\"x\"}}}",
                "{\"model\":{\"vocab\":{\"a\":1},\"merges\":[\"ab\"]}}",
                "{\"model\":{\"vocab\":{\"a\":1},\"merges\":[[\"a\"]]}}",
                "{\"model\":{\"vocab\":{\"a\":1},\"merges\":[7]}}",
                "{\"added_tokens\":[{\"id\":-4,\"content\":\"x\"}]}",
                "{\"added_tokens\":[{\"content\":\"x\"}]}",
                "{\"added_tokens\":7}",
                "{\"normalizer\":[]}",
                "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"use_regex\":\"yes\"}}",
            })
    void aDamagedFileIsInvalid(String json) {
        Problem problem = problem(json);
        assertTrue(
                problem.kind() == Problem.Kind.INVALID || problem.kind() == Problem.Kind.UNSUPPORTED,
                problem.kind() + " " + problem.message());
    }

    @Test
    void aMergeOfAnUnknownTokenIsNamed() {
        String json = TestTokenizer.bytes().merge("a", "b").json().replace("\"ab\":256", "\"zz\":256");
        Problem problem = problem(json);
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertTrue(problem.message().contains("'ab'"), problem.message());
    }

    @Test
    void mergesMayBeStringsAndComeBeforeTheVocabulary() {
        String json = TestTokenizer.bytes().merge("a", "b").json();
        assertArrayEquals(
                new int[] {256},
                TestTokenizer.load(json.replace("[\"a\",\"b\"]", "\"a b\"")).encode("ab"));
        String merges = "\"merges\":[[\"a\",\"b\"]]";
        String first = json.replace("," + merges, "").replace("\"model\":{", "\"model\":{" + merges + ",");
        assertArrayEquals(new int[] {256}, TestTokenizer.load(first).encode("ab"));
    }
}
