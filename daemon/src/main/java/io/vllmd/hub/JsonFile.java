package io.vllmd.hub;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Reasons;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads the JSON files of a model. They come from anybody, so their size and nesting are bounded. */
public final class JsonFile {

    /** Far above any configuration; a tokenizer_config.json with thousands of added tokens has a few megabytes. */
    private static final int MAX_BYTES = 64 << 20;

    private static final int MAX_DEPTH = 200;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxDocumentLength(MAX_BYTES)
                            .maxStringLength(MAX_BYTES)
                            .build())
                    .build())
            .build();

    private JsonFile() {}

    /**
     * The object in a file.
     *
     * @throws ProblemException INVALID, naming the file and the place in it, where it is no JSON, no object, too large
     *     or too deep; UNAVAILABLE where it cannot be read
     */
    public static JsonNode readObject(Path file) {
        JsonNode node;
        try (InputStream in = Files.newInputStream(file)) {
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw Problem.of(
                                Problem.Kind.INVALID,
                                file + " has " + size + " bytes; at most " + MAX_BYTES + " are read",
                                file.toString(),
                                MAX_BYTES + " bytes")
                        .asException();
            }
            node = MAPPER.readTree(in);
        } catch (JacksonException e) {
            String place =
                    e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
            throw Problem.of(
                            Problem.Kind.INVALID,
                            file + place + " cannot be read as JSON: " + Reasons.ofParser(e.getOriginalMessage()),
                            file.toString())
                    .asException(e);
        } catch (IOException e) {
            throw Problem.of(Problem.Kind.UNAVAILABLE, file + " cannot be read: " + Reasons.of(e), file.toString())
                    .asException(e);
        }
        if (!node.isObject()) {
            throw Problem.of(Problem.Kind.INVALID, file + " holds no JSON object", file.toString())
                    .asException();
        }
        return node;
    }
}
