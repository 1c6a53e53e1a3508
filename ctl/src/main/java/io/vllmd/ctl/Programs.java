package io.vllmd.ctl;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Runs programs of the system, found on the PATH that was given. */
final class Programs {
    private final Map<String, String> environment;

    Programs(Map<String, String> environment) {
        this.environment = environment;
    }

    /** How a program ended and what it wrote, errors included. */
    record Outcome(int code, String output) {
        boolean isGood() {
            return code == 0;
        }
    }

    boolean has(String program) {
        return find(program).isPresent();
    }

    /** Runs a program to its end. */
    Outcome run(String program, String... arguments) {
        var command = new ArrayList<String>();
        command.add(find(program)
                .orElseThrow(() -> new CommandFailure(
                        ExitCode.FAILED, "unsupported", "The program " + program + " is not on this system's PATH."))
                .toString());
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().putAll(environment);
        try {
            var process = builder.start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Outcome(process.waitFor(), output.strip());
        } catch (IOException e) {
            throw new CommandFailure(
                    ExitCode.FAILED, "failed", "The program " + program + " can't be run: " + e.getMessage() + ".", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailure(ExitCode.FAILED, "failed", "Interrupted while " + program + " ran.", e);
        }
    }

    private Optional<Path> find(String program) {
        for (String folder : environment.getOrDefault("PATH", "").split(":")) {
            Path path = Path.of(folder.isEmpty() ? "." : folder).resolve(program);
            if (Files.isExecutable(path) && !Files.isDirectory(path)) {
                return Optional.of(path);
            }
        }
        return Optional.empty();
    }
}
