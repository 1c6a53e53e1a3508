package io.vllmd.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.chat.tokenizer.TestTokenizer;
import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StopTokensTest {
    private static final Tokenizer TOKENIZER =
            TestTokenizer.bytes().added("<end>", "special").load();

    @TempDir
    Path folder;

    private void write(String name, String json) throws IOException {
        Files.writeString(folder.resolve(name), json);
    }

    @Test
    void sproutStopsAtTheEndOfAMessageAndOfText() {
        assertEquals(Set.of(6131, 6133), StopTokens.of(TestTokenizer.SPROUT, TestTokenizer.sprout()));
    }

    @Test
    void allFilesCountInAllTheirShapes() throws IOException {
        write("generation_config.json", "{\"eos_token_id\":[1,2]}");
        write("config.json", "{\"eos_token_id\":3,\"text_config\":{\"eos_token_id\":[4]}}");
        write("tokenizer_config.json", "{\"eos_token\":{\"content\":\"<end>\"}}");
        assertEquals(Set.of(1, 2, 3, 4, 256), StopTokens.of(folder, TOKENIZER));
        write("tokenizer_config.json", "{\"eos_token\":\"<end>\"}");
        assertEquals(Set.of(1, 2, 3, 4, 256), StopTokens.of(folder, TOKENIZER));
    }

    @Test
    void absentFilesAndFieldsAreNoStopTokens() throws IOException {
        assertEquals(Set.of(), StopTokens.of(folder, TOKENIZER));
        write("config.json", "{\"eos_token_id\":null}");
        write("tokenizer_config.json", "{\"eos_token\":null}");
        assertEquals(Set.of(), StopTokens.of(folder, TOKENIZER));
    }

    @Test
    void whatIsNoTokenIsNamed() throws IOException {
        for (String wrong : new String[] {"\"x\"", "-1", "1.5", "[true]", "99999999999"}) {
            write("config.json", "{\"eos_token_id\":" + wrong + "}");
            assertInvalid("config.json.eos_token_id");
        }
        write("config.json", "{");
        assertInvalid("config.json");
        write("config.json", "{}");
        write("tokenizer_config.json", "{\"eos_token\":\"<nothing>\"}");
        assertInvalid("tokenizer_config.json: eos_token");
    }

    private void assertInvalid(String named) {
        ProblemException refused = assertThrows(ProblemException.class, () -> StopTokens.of(folder, TOKENIZER));
        assertEquals(Problem.Kind.INVALID, refused.problem().kind());
        assertTrue(
                refused.problem().message().contains(named), refused.problem().message());
    }
}
