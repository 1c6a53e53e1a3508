package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vllmd.scenario.DaemonProcess.Outcome;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The official Python SDK against the daemon with the real model. */
@Tag("clients")
class OpenAiSdkIT {
    @TempDir
    private Path home;

    @Test
    void syncAsyncAndStreaming() throws Exception {
        Optional<Path> python = Python.withPackages("openai==3.57.0");
        assumeTrue(python.isPresent(), "no python3 with venv, or no packages to install");
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Outcome outcome = DaemonProcess.outcome(
                    new ProcessBuilder(python.get().toString(), "src/test/python/openai_sdk.py", daemon.base()));
            System.out.println(outcome.out());
            assertEquals(0, outcome.exit(), outcome.toString());
        }
    }
}
