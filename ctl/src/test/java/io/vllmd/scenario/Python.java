package io.vllmd.scenario;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Python environments with pinned packages, made once under target. */
final class Python {
    private Python() {}

    /** The interpreter of an environment that has these packages; empty where it cannot be made here. */
    static synchronized Optional<Path> withPackages(String... packages) throws IOException, InterruptedException {
        Path folder = Path.of("target", "python", String.join("+", packages)).toAbsolutePath();
        Path python = folder.resolve("bin/python");
        Path complete = folder.resolve(".complete");
        if (Files.exists(complete)) {
            return Optional.of(python);
        }
        Files.createDirectories(folder);
        List<String> install = new ArrayList<>(
                List.of(python.toString(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"));
        install.addAll(List.of(packages));
        try {
            for (List<String> command : List.of(List.of("python3", "-m", "venv", folder.toString()), install)) {
                DaemonProcess.Outcome outcome = DaemonProcess.outcome(new ProcessBuilder(command));
                if (outcome.exit() != 0) {
                    System.err.println(String.join(" ", command) + ": " + outcome.err());
                    return Optional.empty();
                }
            }
        } catch (IOException e) {
            System.err.println("python3: " + e.getMessage());
            return Optional.empty();
        }
        Files.createFile(complete);
        return Optional.of(python);
    }
}
