package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.scenario.DaemonProcess.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code vllmctl bench} against the daemon that it finds by itself, and against itself as the baseline. */
class BenchIT {
    @TempDir
    private Path home;

    @Test
    void everyKindOfLoadRunsWithoutAFailure() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Outcome run = daemon.ctl(
                    "bench",
                    "--streams",
                    "1,4",
                    "--tokens",
                    "16",
                    "--prompt-tokens",
                    "200",
                    "--repeat",
                    "1",
                    "--cache",
                    "cold,warm,prefix-hit,prefix-miss,turn",
                    "--max-failures",
                    "0");
            assertEquals(0, run.exit(), run.toString());
            assertTrue(run.out().contains("model sprout"), run.out());
            assertEquals(
                    10, run.out().lines().filter(line -> line.endsWith(" 0")).count(), run.out());
        }
    }

    @Test
    void aDaemonIsMeasuredBesideAServerAndAPromptMayJoin() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Outcome run = daemon.ctl(
                    "bench",
                    "--json",
                    "--streams",
                    "2",
                    "--tokens",
                    "200",
                    "--prompt-tokens",
                    "64",
                    "--repeat",
                    "2",
                    "--admit",
                    "512",
                    "--baseline-url",
                    daemon.base());
            assertEquals(0, run.exit(), run.toString());
            assertTrue(run.out().contains("\"failures\":{}"), run.out());
            assertTrue(run.out().contains("\"longestGapMeanwhileMs\":{\"p50\":"), run.out());
            assertTrue(run.out().contains("\"ratio\":{\"tokensPerSecond\":"), run.out());
        }
    }

    @Test
    void aPromptBeyondTheContextIsToldAndNotCountedAsAFailure() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Outcome run = daemon.ctl("bench", "--streams", "1", "--prompt-tokens", "32k", "--repeat", "1");
            assertEquals(0, run.exit(), run.toString());
            assertTrue(run.out().contains("was not measured: 400: "), run.out());
        }
    }

    @Test
    void otherCommandsLoadNothingOfIt() throws Exception {
        Path classes = home.resolve("classes.txt");
        ProcessBuilder version =
                new ProcessBuilder(DaemonProcess.LAYOUT.resolve("bin/vllmctl").toString(), "version", "--json");
        version.environment().put("VLLMD_HOME", home.toString());
        version.environment().put("JAVA_TOOL_OPTIONS", "-Xlog:class+load:file=" + classes);
        DaemonProcess.outcome(version);
        String loaded = Files.readString(classes);
        assertTrue(loaded.contains("io.vllmd.ctl.VersionCommand"), "the log of classes is not what it was");
        assertFalse(loaded.contains("io.vllmd.ctl.bench."), loaded);
    }
}
