package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vllmd.scenario.DaemonProcess.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every command of the README is run as it stands there. */
class ReadmeIT {
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```(\\w+)\\n(.*?)^```$");

    @TempDir
    private Path home;

    @Test
    void theTestCommandIsTheOneThatCiRuns() throws IOException {
        assertEquals(List.of("daemon/vllmd\n", "mvn verify\n"), blocks("sh").subList(0, 2));
        assertTrue(Files.readString(DaemonProcess.REPOSITORY.resolve(".ci/run")).contains("mvn -B -ntp verify"));
    }

    @Test
    void theFirstCommandServesFromTheCheckout() throws Exception {
        Path launcher = DaemonProcess.REPOSITORY.resolve(blocks("sh").getFirst().strip());
        try (DaemonProcess daemon = DaemonProcess.start(launcher, home, Map.of())) {
            assertEquals(200, new Chat(daemon.base()).ask("default", "Hello", 5).status());
            assertEquals("", Files.readString(home.resolve("stderr.txt")), "nothing was to be built");
        }
    }

    @Test
    void theShellCommandsWork() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            int commands = 0;
            for (String block : blocks("sh").subList(2, blocks("sh").size())) {
                for (String command : block.replace("\\\n", " ").split("\n")) {
                    Outcome outcome = shell(daemon, command);
                    assertEquals(0, outcome.exit(), command + "\n" + outcome);
                    if (command.startsWith("curl")) {
                        assertTrue(outcome.out().contains("The capital of France is Paris."), outcome.out());
                    }
                    commands++;
                }
            }
            assertTrue(commands >= 7, "commands run: " + commands);
        }
    }

    @Test
    @Tag("clients")
    void thePythonProgramWorks() throws Exception {
        Optional<Path> python = Python.withPackages("openai==3.57.0");
        assumeTrue(python.isPresent(), "no python3 with venv, or no packages to install");
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Path program = Files.writeString(
                    home.resolve("readme.py"), here(daemon, blocks("python").getFirst()));
            Outcome outcome =
                    DaemonProcess.outcome(new ProcessBuilder(python.get().toString(), program.toString()));
            assertEquals(0, outcome.exit(), outcome.toString());
            assertTrue(outcome.out().length() > 20, outcome.out());
        }
    }

    private static Outcome shell(DaemonProcess daemon, String command) throws IOException, InterruptedException {
        ProcessBuilder builder =
                new ProcessBuilder("sh", "-c", here(daemon, command)).directory(DaemonProcess.LAYOUT.toFile());
        builder.environment().put("VLLMD_HOME", daemon.home().toString());
        return DaemonProcess.outcome(builder);
    }

    /** The daemon of this test listens elsewhere; the assembled layout has the launchers under bin. */
    private static String here(DaemonProcess daemon, String text) {
        return text.replace("http://127.0.0.1:8000", daemon.base()).replace("ctl/vllmctl", "bin/vllmctl");
    }

    private static List<String> blocks(String language) throws IOException {
        Matcher matcher = BLOCK.matcher(Files.readString(DaemonProcess.REPOSITORY.resolve("README.md")));
        return matcher.results()
                .filter(block -> block.group(1).equals(language))
                .map(block -> block.group(2))
                .toList();
    }
}
