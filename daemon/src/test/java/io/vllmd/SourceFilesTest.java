package io.vllmd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** House rules that no compiler checks. */
class SourceFilesTest {
    private static final int MOST_LINES = 500;
    private static final Path REPOSITORY = Path.of("").toAbsolutePath().getParent();

    @Test
    void noSourceFileIsLongerThan500Lines() {
        List<Path> sources = sources();
        assertTrue(sources.size() > 50, "looked in the wrong place: " + REPOSITORY);
        assertEquals(
                List.of(),
                sources.stream().filter(file -> lines(file) > MOST_LINES).toList());
    }

    @Test
    void noTypeIsNamedForNothing() {
        assertEquals(
                List.of(),
                sources().stream()
                        .filter(file -> file.getFileName().toString().matches(".*(Utils?|Helpers?|Manager)\\.java"))
                        .toList());
    }

    @Test
    void nothingButTheHouseLiesAtTheTop() throws IOException {
        Set<String> rooms = Set.of(
                "native", "config", "daemon", "ctl", "launchd", "docs", "pom.xml", "README.md", "LICENSE", "NOTICE");
        try (Stream<Path> top = Files.list(REPOSITORY)) {
            assertEquals(
                    List.of(),
                    top.map(file -> file.getFileName().toString())
                            .filter(name -> !name.startsWith(".") && !name.equals("target"))
                            .filter(name -> !rooms.contains(name))
                            .toList());
        }
    }

    private static List<Path> sources() {
        try (Stream<Path> files = Stream.of("native", "config", "daemon", "ctl", "launchd", "docs", ".ci")
                .map(REPOSITORY::resolve)
                .filter(Files::exists)
                .flatMap(SourceFilesTest::walk)) {
            return files.filter(file -> file.toString().matches(".*\\.(java|cpp|h|py|sh|mjs)"))
                    .toList();
        }
    }

    private static Stream<Path> walk(Path folder) {
        try (Stream<Path> all = Files.walk(folder)) {
            return all
                    .filter(file -> !file.toString().contains("/target/")
                            && !file.toString().contains("/node_modules/"))
                    .toList()
                    .stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long lines(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
