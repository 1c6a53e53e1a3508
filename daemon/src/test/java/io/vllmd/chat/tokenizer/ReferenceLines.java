package io.vllmd.chat.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Compares a tokenizer with what tokenizer_reference.py wrote. */
final class ReferenceLines {
    private static final JsonMapper JSON = new JsonMapper();

    private ReferenceLines() {}

    /** A sentence for each line that differs. */
    static List<String> differences(Tokenizer tokenizer, Stream<String> lines) {
        List<String> differences = new ArrayList<>();
        lines.forEach(line -> compare(tokenizer, JSON.readTree(line), differences));
        return differences;
    }

    private static void compare(Tokenizer tokenizer, JsonNode line, List<String> differences) {
        int[] ids = line.get("ids").valueStream().mapToInt(JsonNode::intValue).toArray();
        JsonNode text = line.get("text");
        if (text != null) {
            int[] own = tokenizer.encode(text.stringValue());
            if (!Arrays.equals(own, ids)) {
                differences.add("encode " + text + ": " + Arrays.toString(own) + ", reference " + Arrays.toString(ids));
            }
        }
        String decoded = line.has("decoded")
                ? line.get("decoded").stringValue()
                : line.get("text").stringValue();
        String own = tokenizer.decode(ids);
        if (!own.equals(decoded)) {
            differences.add("decode " + Arrays.toString(ids) + ": " + JSON.valueToTree(own) + ", reference "
                    + JSON.valueToTree(decoded));
        }
    }
}
