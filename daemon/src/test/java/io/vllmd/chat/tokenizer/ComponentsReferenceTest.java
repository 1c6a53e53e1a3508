package io.vllmd.chat.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Every kind of normalizer, pre-tokenizer and added token against Hugging Face's tokenizers library; the fixture is made
 * by src/test/python/tokenizer_components_reference.py.
 */
class ComponentsReferenceTest {
    private static final Path FIXTURE = Path.of("src/test/resources/io/vllmd/chat/tokenizer/components.jsonl");
    private static final JsonMapper JSON = new JsonMapper();

    @Test
    void everyComponentDoesWhatTheReferenceDoes() throws IOException {
        List<String> lines = Files.readAllLines(FIXTURE);
        List<String> differences = new ArrayList<>();
        for (String line : lines.subList(1, lines.size())) {
            JsonNode configuration = JSON.readTree(line);
            ObjectNode file = (ObjectNode) JSON.readTree(lines.getFirst());
            configuration.get("fields").properties().forEach(field -> file.set(field.getKey(), field.getValue()));
            Tokenizer tokenizer = TestTokenizer.load(file.toString());
            for (JsonNode example : configuration.get("cases")) {
                int[] expected = example.get(1)
                        .valueStream()
                        .mapToInt(JsonNode::intValue)
                        .toArray();
                int[] ids = tokenizer.encode(example.get(0).stringValue());
                if (!Arrays.equals(expected, ids)
                        || !tokenizer.decode(expected).equals(example.get(2).stringValue())) {
                    differences.add(configuration.get("fields") + " on " + example + ": " + Arrays.toString(ids) + " "
                            + JSON.valueToTree(tokenizer.decode(expected)));
                }
            }
        }
        assertEquals(List.of(), differences);
        assertTrue(lines.size() > 90, "the fixture is too short");
    }
}
