package io.vllmd.chat;

import io.vllmd.hub.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** The texts of special tokens that a template may ask for, such as {@code bos_token}. */
final class SpecialTokens {
    private static final List<String> FILES = List.of("special_tokens_map.json", TemplateFiles.TOKENIZER_CONFIG);

    private SpecialTokens() {}

    /** By name; a token that is null there is no variable, as in transformers. tokenizer_config.json wins. */
    static Map<String, Object> read(Path folder) {
        Map<String, Object> tokens = new LinkedHashMap<>();
        for (String name : FILES) {
            Path file = folder.resolve(name);
            if (Files.isRegularFile(file)) {
                JsonNode config = JsonFile.readObject(file);
                config.properties().forEach(entry -> add(entry.getKey(), entry.getValue(), tokens));
            }
        }
        return tokens;
    }

    private static void add(String name, JsonNode value, Map<String, Object> tokens) {
        if (name.endsWith("_token")) {
            String text = text(value);
            if (!text.isEmpty()) {
                tokens.put(name, text);
            }
        } else if (name.equals("additional_special_tokens") && value.isArray()) {
            tokens.put(
                    name,
                    value.valueStream()
                            .map(SpecialTokens::text)
                            .filter(text -> !text.isEmpty())
                            .toList());
        }
    }

    /** A string, or an object with its content; flags such as add_bos_token are neither. */
    private static String text(JsonNode value) {
        return value.isString() ? value.stringValue() : value.path("content").asString("");
    }
}
