package io.vllmd.runtime;

import io.vllmd.config.Problem;
import io.vllmd.config.Reasons;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What is loaded and which profile is active, on disk. Written whole to a neighbour file, synced and renamed
 * over the old one, so that a crash at any point leaves the old state or the new one. A file that cannot be
 * read is set aside, never fatal.
 */
final class StateFile {
    private static final Logger log = LoggerFactory.getLogger(StateFile.class);
    private static final int SCHEMA = 1;
    private static final JsonMapper JSON = new JsonMapper();

    /**
     * What comes back after a restart.
     *
     * @param models loaded models, in the order of their loading
     * @param defaultModel id of the default one, or null
     * @param profile the active profile, or null where none was chosen
     */
    record State(
            List<Entry> models,
            @Nullable String defaultModel,
            @Nullable String profile) {}

    /** A model's id and where it came from: a folder or a repository id. */
    record Entry(String id, String source) {}

    private final Path file;

    StateFile(Path file) {
        this.file = file;
    }

    /** The state of the last run; empty at a first start, and where the file is unreadable (then it is set aside). */
    Optional<State> read() {
        try {
            JsonNode root = JSON.readTree(Files.readAllBytes(file));
            if (!root.path("schema").isInt() || !root.path("models").isArray()) {
                return setAside("holds no state");
            }
            if (root.path("schema").intValue() != SCHEMA) {
                return setAside("has schema " + root.path("schema") + ", this version reads " + SCHEMA);
            }
            List<Entry> models = new ArrayList<>();
            for (JsonNode model : root.path("models")) {
                models.add(new Entry(
                        model.required("id").stringValue(),
                        model.required("source").stringValue()));
            }
            return Optional.of(new State(models, text(root.path("default")), text(root.path("profile"))));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (JacksonException e) {
            log.debug("{} holds no state", file, e);
            return setAside("holds no state");
        } catch (IOException e) {
            return setAside("cannot be read: " + Reasons.of(e));
        }
    }

    private static @Nullable String text(JsonNode node) {
        return node.isString() ? node.stringValue() : null;
    }

    private Optional<State> setAside(String why) {
        Path aside = file.resolveSibling(file.getFileName() + ".bad");
        try {
            Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
            log.warn("{} {}; it was moved to {} and the daemon starts fresh", file, why, aside);
        } catch (IOException e) {
            log.warn("{} {}; it could not be moved aside either: {}", file, why, Reasons.of(e));
        }
        return Optional.empty();
    }

    /**
     * Replaces the state on disk.
     *
     * @throws io.vllmd.config.ProblemException INTERNAL where the disk refuses; the old state is then whole
     */
    void write(State state) {
        ObjectNode root = JSON.createObjectNode();
        root.put("schema", SCHEMA);
        root.put("default", state.defaultModel());
        root.put("profile", state.profile());
        ArrayNode models = root.putArray("models");
        for (Entry entry : state.models()) {
            models.addObject().put("id", entry.id()).put("source", entry.source());
        }
        Path next = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            try (FileChannel channel = FileChannel.open(
                    next, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
                ByteBuffer bytes = ByteBuffer.wrap(JSON.writeValueAsBytes(root));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            // The rename itself is safe from power loss only once the folder is synced.
            try (FileChannel folder = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
                folder.force(true);
            }
        } catch (IOException e) {
            throw Problem.of(
                            Problem.Kind.INTERNAL,
                            "The state could not be written to " + file + " (" + Reasons.of(e)
                                    + "). The change holds until the daemon ends; free space there and repeat it.",
                            file.toString())
                    .asException(e);
        }
    }
}
