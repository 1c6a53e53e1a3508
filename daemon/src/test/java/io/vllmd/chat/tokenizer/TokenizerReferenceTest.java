package io.vllmd.chat.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Against Hugging Face's tokenizers library; the fixture is made by src/test/python/tokenizer_reference.py. */
class TokenizerReferenceTest {
    private static final Path FIXTURE = Path.of("src/test/resources/io/vllmd/chat/tokenizer/sprout.jsonl");

    @Test
    void idsAndTextsOfHardAndRandomStringsAreThoseOfTheReference() throws IOException {
        try (Stream<String> lines = Files.lines(FIXTURE)) {
            List<String> all = lines.toList();
            assertEquals(1051, all.size());
            assertEquals(List.of(), ReferenceLines.differences(TestTokenizer.sprout(), all.stream()));
        }
    }
}
