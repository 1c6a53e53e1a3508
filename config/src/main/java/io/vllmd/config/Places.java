package io.vllmd.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/**
 * Where a daemon keeps its files. Two daemons with different homes do not touch each other.
 *
 * @param home absolute folder that holds all of it
 * @param socketPathLimit most bytes of a Unix socket's path on this system
 */
public record Places(Path home, int socketPathLimit) {
    // sun_path holds 104 bytes on macOS and 108 on Linux; the JDK keeps two of them.
    private static final int MACOS_SOCKET_PATH = 102;
    private static final int LINUX_SOCKET_PATH = 106;

    /** The places of this process. */
    public static Places current() {
        return of(System.getenv(), System.getProperty("os.name", ""));
    }

    /**
     * The places for this environment: VLLMD_HOME, else the usual place of the system.
     *
     * @param os the name of the system, as the property os.name tells it
     * @throws ProblemException INVALID where neither VLLMD_HOME nor HOME says where
     */
    public static Places of(Map<String, String> environment, String os) {
        boolean mac = os.toLowerCase(Locale.ROOT).startsWith("mac");
        int limit = mac ? MACOS_SOCKET_PATH : LINUX_SOCKET_PATH;
        String chosen = environment.getOrDefault("VLLMD_HOME", "");
        if (!chosen.isBlank()) {
            return new Places(Path.of(chosen).toAbsolutePath().normalize(), limit);
        }
        String user = environment.getOrDefault("HOME", "");
        if (user.isBlank()) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "Neither VLLMD_HOME nor HOME is set, so there is no place for vllmd's files."
                                    + " Set VLLMD_HOME to a folder of yours.",
                            "VLLMD_HOME")
                    .asException();
        }
        Path folder = mac
                ? Path.of(user, "Library", "Application Support", "vllmd")
                : Path.of(user, ".local", "state", "vllmd");
        return new Places(folder.toAbsolutePath().normalize(), limit);
    }

    /** The user's settings. */
    public Path userFile() {
        return home.resolve("vllmd.conf");
    }

    /** What is loaded, for the next start. */
    public Path stateFile() {
        return home.resolve("state.json");
    }

    public Path logs() {
        return home.resolve("logs");
    }

    public Path caches() {
        return home.resolve("caches");
    }

    /**
     * The socket between vllmctl and the daemon.
     *
     * @throws ProblemException INVALID where its path is longer than the system takes
     */
    public Path socket() {
        Path socket = home.resolve("ctl.sock");
        int bytes = socket.toString().getBytes(StandardCharsets.UTF_8).length;
        if (bytes > socketPathLimit) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "The control socket's path " + socket + " has " + bytes + " bytes; this system takes "
                                    + socketPathLimit + ". Set VLLMD_HOME to a folder with a shorter path.",
                            socket.toString(),
                            socketPathLimit + " bytes")
                    .asException();
        }
        return socket;
    }
}
