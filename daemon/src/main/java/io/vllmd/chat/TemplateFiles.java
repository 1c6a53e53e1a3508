package io.vllmd.chat;

import io.vllmd.config.Problem;
import io.vllmd.hub.JsonFile;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/** Finds the chat templates that come with a model, where transformers looks for them. */
final class TemplateFiles {
    static final String DEFAULT = "default";
    static final String TOKENIZER_CONFIG = "tokenizer_config.json";

    /** The longest template published so far has 20 kB. */
    private static final long MAX_BYTES = 4 << 20;

    private TemplateFiles() {}

    /**
     * A template.
     *
     * @param file where it was found
     */
    record Source(Path file, String text) {}

    /**
     * The templates by name, {@link #DEFAULT} being the usual one; none where the model has none. A file
     * chat_template.jinja counts before chat_template.json, and that before tokenizer_config.json.
     */
    static Map<String, Source> find(Path folder) {
        Map<String, Source> found = new LinkedHashMap<>();
        Path jinja = folder.resolve("chat_template.jinja");
        Path json = folder.resolve("chat_template.json");
        Path config = folder.resolve(TOKENIZER_CONFIG);
        if (Files.isRegularFile(jinja)) {
            found.put(DEFAULT, new Source(jinja, read(jinja)));
            additional(folder.resolve("additional_chat_templates"), found);
        } else if (Files.isRegularFile(json)) {
            add(json, JsonFile.readObject(json).path("chat_template"), found);
        } else if (Files.isRegularFile(config)) {
            add(config, JsonFile.readObject(config).path("chat_template"), found);
        }
        return found;
    }

    private static void add(Path file, JsonNode template, Map<String, Source> found) {
        if (template.isString()) {
            found.put(DEFAULT, new Source(file, template.stringValue()));
        } else if (template.isObject()) {
            template.properties().forEach(entry -> addNamed(file, entry.getKey(), entry.getValue(), found));
        } else {
            for (JsonNode named : template) {
                addNamed(file, named.path("name").asString(""), named.path("template"), found);
            }
        }
    }

    private static void addNamed(Path file, String name, JsonNode template, Map<String, Source> found) {
        if (name.isEmpty() || !template.isString()) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            file + " lists chat templates, but not each with its name and text",
                            file.toString())
                    .asException();
        }
        found.put(name, new Source(file, template.stringValue()));
    }

    private static void additional(Path folder, Map<String, Source> found) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> templates = files.filter(file -> file.toString().endsWith(".jinja"))
                    .filter(Files::isRegularFile)
                    .sorted()
                    .toList();
            for (Path file : templates) {
                String name = String.valueOf(file.getFileName());
                found.put(name.substring(0, name.length() - ".jinja".length()), new Source(file, read(file)));
            }
        } catch (IOException e) {
            throw unreadable(folder, e);
        }
    }

    private static String read(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw Problem.of(
                                Problem.Kind.INVALID,
                                file + " has " + Files.size(file) + " bytes, too many for a chat template",
                                file.toString(),
                                MAX_BYTES + " bytes")
                        .asException();
            }
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (CharacterCodingException e) {
            throw Problem.of(Problem.Kind.INVALID, file + " is not UTF-8 text", file.toString())
                    .asException(e);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static RuntimeException unreadable(Path file, IOException e) {
        return Problem.of(Problem.Kind.UNAVAILABLE, file + " cannot be read: " + e, file.toString())
                .asException(e);
    }
}
