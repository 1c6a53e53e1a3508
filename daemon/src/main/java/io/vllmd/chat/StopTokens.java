package io.vllmd.chat;

import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Reasons;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The token ids that end an answer of a model. Models name them in up to three files that do not always agree (a
 * fine-tune changes one and forgets the others), so all of them count.
 */
public final class StopTokens {
    private static final JsonMapper JSON = new JsonMapper();

    private StopTokens() {}

    /**
     * Reads {@code eos_token_id} of generation_config.json and config.json (also of its text_config) and {@code
     * eos_token} of tokenizer_config.json in a model's folder. Files and fields may be absent; where all are, the set is
     * empty and answers end at their length.
     *
     * @throws ProblemException INVALID where a file is damaged or names something that is no token
     */
    public static Set<Integer> of(Path folder, Tokenizer tokenizer) {
        Set<Integer> ids = new TreeSet<>();
        addIds(read(folder.resolve("generation_config.json")), "generation_config.json", ids);
        JsonNode config = read(folder.resolve("config.json"));
        addIds(config, "config.json", ids);
        addIds(config == null ? null : config.get("text_config"), "config.json: text_config", ids);
        addToken(read(folder.resolve("tokenizer_config.json")), tokenizer, ids);
        return Set.copyOf(ids);
    }

    private static @Nullable JsonNode read(Path file) {
        if (!Files.isRegularFile(file)) {
            return null;
        }
        try {
            return JSON.readTree(file);
        } catch (JacksonException e) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            file + " cannot be read: " + Reasons.ofParser(e.getOriginalMessage())
                                    + ". Download the model again.",
                            file.toString())
                    .asException(e);
        }
    }

    private static void addIds(@Nullable JsonNode config, String place, Set<Integer> ids) {
        JsonNode value = config == null ? null : config.get("eos_token_id");
        if (value == null || value.isNull()) {
            return;
        }
        for (JsonNode id : value.isArray() ? value : JSON.createArrayNode().add(value)) {
            if (!id.canConvertToInt() || !id.isIntegralNumber() || id.intValue() < 0) {
                throw wrong(place + ".eos_token_id", id, "a token id or a list of them");
            }
            ids.add(id.intValue());
        }
    }

    private static void addToken(@Nullable JsonNode config, Tokenizer tokenizer, Set<Integer> ids) {
        JsonNode value = config == null ? null : config.get("eos_token");
        JsonNode token = value != null && value.isObject() ? value.get("content") : value;
        if (token == null || token.isNull()) {
            return;
        }
        String place = "tokenizer_config.json: eos_token";
        if (!token.isString()) {
            throw wrong(place, token, "a token's text");
        }
        ids.add(tokenizer.id(token.stringValue()).orElseThrow(() -> wrong(place, token, "a token of tokenizer.json")));
    }

    private static ProblemException wrong(String place, JsonNode value, String expected) {
        return Problem.of(
                        Problem.Kind.INVALID,
                        place + " must be " + expected + ", it is " + value
                                + ". Correct the file or download it again.",
                        place)
                .asException();
    }
}
