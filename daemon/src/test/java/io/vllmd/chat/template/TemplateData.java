package io.vllmd.chat.template;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Objects;
import org.junit.jupiter.api.Assumptions;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the template tests read, and the time at which template_reference.py (src/test/python) stands still. */
final class TemplateData {
    static final JsonMapper MAPPER = JsonMapper.shared();
    static final Clock CLOCK = Clock.fixed(Instant.parse("2026-07-26T13:05:09Z"), ZoneOffset.UTC);

    private TemplateData() {}

    static JsonNode fixture(String name) {
        try (InputStream in = TemplateData.class.getResourceAsStream(name)) {
            return MAPPER.readTree(Objects.requireNonNull(in, name));
        } catch (IOException e) {
            throw new IllegalStateException("cannot read " + name, e);
        }
    }

    /**
     * A file or folder of the test data, under VLLMD_TEST_DATA or else a folder "shared" above the repository; the test
     * is skipped where it is not there.
     */
    static Path testData(String relative) {
        String given = System.getenv("VLLMD_TEST_DATA");
        if (given != null && Files.exists(Path.of(given, relative))) {
            return Path.of(given, relative);
        }
        for (Path up = Path.of("").toAbsolutePath(); given == null && up != null; up = up.getParent()) {
            Path path = up.resolve("shared").resolve(relative);
            if (Files.exists(path)) {
                return path;
            }
        }
        return Assumptions.abort("test data is missing: " + relative + "; VLLMD_TEST_DATA names its folder");
    }
}
