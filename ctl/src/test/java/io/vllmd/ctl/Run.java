package io.vllmd.ctl;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.control.protocol.Json;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One run of vllmctl in a world that the test makes. */
record Run(int exit, String out, String err) {

    /** The world, to be changed before the run. */
    static final class World {
        final Map<String, String> environment = new HashMap<>();
        String os = "Linux";
        Path folder;
        String root = "";
        boolean terminal;

        World(Path home) {
            folder = home;
            environment.put("HOME", home.toString());
            environment.put("VLLMD_HOME", home.toString());
        }

        Run run(String... arguments) {
            var out = new ByteArrayOutputStream();
            var err = new ByteArrayOutputStream();
            var terminal = new Terminal(
                    environment,
                    os,
                    folder,
                    root,
                    new PrintStream(out, true, UTF_8),
                    new PrintStream(err, true, UTF_8),
                    this.terminal,
                    this.terminal);
            int exit = Vllmctl.run(arguments, terminal);
            return new Run(exit, out.toString(UTF_8), err.toString(UTF_8));
        }
    }

    List<String> lines() {
        return out.lines().toList();
    }

    /** What was printed, as one JSON document on one line. */
    Map<String, Object> json() throws Json.JsonException {
        if (out.lines().count() != 1) {
            throw new AssertionError("not one line: " + out);
        }
        return Json.readObject(out.getBytes(UTF_8));
    }
}
