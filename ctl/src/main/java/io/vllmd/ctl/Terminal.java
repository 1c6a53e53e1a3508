package io.vllmd.ctl;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;

/**
 * The world around one command.
 *
 * @param environment its environment variables
 * @param os the system's name, as the property os.name tells it
 * @param folder the working folder
 * @param root the folder of the installed layout, or "" where it is not known
 * @param out where answers go
 * @param err where progress and errors go
 * @param outIsTerminal whether a person reads out
 * @param errIsTerminal whether a person reads err
 */
record Terminal(
        Map<String, String> environment,
        String os,
        Path folder,
        String root,
        PrintStream out,
        PrintStream err,
        boolean outIsTerminal,
        boolean errIsTerminal) {

    /** The world of this process; the launcher tells in {@code vllmd.tty} which of o(ut) and e(rr) are terminals. */
    static Terminal ofProcess() {
        String terminals = System.getProperty("vllmd.tty", "");
        return new Terminal(
                System.getenv(),
                System.getProperty("os.name", ""),
                Path.of("").toAbsolutePath(),
                System.getProperty("vllmd.root", ""),
                System.out,
                System.err,
                terminals.contains("o"),
                terminals.contains("e"));
    }

    boolean isMac() {
        return os.startsWith("Mac");
    }

    /** Text that stands out on a terminal, unless NO_COLOR is set. */
    String bold(String text) {
        boolean colour =
                outIsTerminal && environment.getOrDefault("NO_COLOR", "").isEmpty();
        return colour ? "\033[1m" + text + "\033[0m" : text;
    }
}
