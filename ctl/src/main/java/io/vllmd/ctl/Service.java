package io.vllmd.ctl;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** vllmd as a service of the system. */
sealed interface Service permits LaunchdService, SystemdService {

    /** Where a service stands. */
    enum State {
        RUNNING,
        STOPPED,
        NOT_INSTALLED
    }

    /**
     * What the system tells of it.
     *
     * @param pid its process, or 0
     * @param detail what else is known, such as how it ended last, or ""
     */
    record Status(State state, long pid, Path file, String detail) {}

    /** Writes the service's file and starts it; done again, it takes the new file. */
    void install();

    /** Stops it and removes its file. */
    void uninstall();

    void start();

    void stop();

    Status status();

    /** The service of this system. */
    static Service of(Terminal terminal, Programs programs, ServiceTemplate template) {
        if (terminal.isMac()) {
            return new LaunchdService(terminal, programs, template);
        }
        if (programs.has("systemctl")) {
            return new SystemdService(terminal, programs, template);
        }
        throw new CommandFailure(
                ExitCode.REFUSED,
                "unsupported",
                "This system has neither launchd nor systemd, so vllmd can't be its service. Start it by hand: vllmd");
    }

    /** Replaces a file as a whole. */
    static void write(Path file, String text) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            Path fresh = file.resolveSibling(file.getFileName() + ".new");
            Files.writeString(fresh, text, StandardCharsets.UTF_8);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new CommandFailure(ExitCode.FAILED, "failed", file + " can't be written: " + e.getMessage() + ".", e);
        }
    }

    static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new CommandFailure(ExitCode.FAILED, "failed", file + " can't be removed: " + e.getMessage() + ".", e);
        }
    }

    static void makeFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new CommandFailure(ExitCode.FAILED, "failed", folder + " can't be made: " + e.getMessage() + ".", e);
        }
    }

    static CommandFailure notInstalled() {
        return new CommandFailure(
                ExitCode.NOT_FOUND, "not_found", "The service is not installed. Install it: vllmctl service install");
    }
}
