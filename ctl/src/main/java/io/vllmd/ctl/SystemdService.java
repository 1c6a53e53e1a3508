package io.vllmd.ctl;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** vllmd as a unit of the user's systemd. */
final class SystemdService implements Service {
    private static final String UNIT = "vllmd.service";

    private final Programs programs;
    private final ServiceTemplate template;
    private final Path file;

    SystemdService(Terminal terminal, Programs programs, ServiceTemplate template) {
        this.programs = programs;
        this.template = template;
        String configuration = terminal.environment().getOrDefault("XDG_CONFIG_HOME", "");
        Path folder = configuration.isEmpty()
                ? Path.of(terminal.environment().getOrDefault("HOME", "/"), ".config")
                : Path.of(configuration);
        this.file = folder.resolve("systemd").resolve("user").resolve(UNIT);
    }

    @Override
    public void install() {
        Service.write(file, template.unit());
        require("daemon-reload");
        require("enable", UNIT);
        require("restart", UNIT);
    }

    @Override
    public void uninstall() {
        requireInstalled();
        require("disable", "--now", UNIT);
        Service.delete(file);
        require("daemon-reload");
    }

    @Override
    public void start() {
        requireInstalled();
        require("start", UNIT);
    }

    @Override
    public void stop() {
        requireInstalled();
        require("stop", UNIT);
    }

    @Override
    public Status status() {
        if (!Files.exists(file)) {
            return new Status(State.NOT_INSTALLED, 0, file, "");
        }
        var properties = properties(require("show", "--property=ActiveState,MainPID,Result", UNIT));
        String state = properties.getOrDefault("ActiveState", "");
        long pid = Long.parseLong(properties.getOrDefault("MainPID", "0"));
        return state.equals("active")
                ? new Status(State.RUNNING, pid, file, "")
                : new Status(
                        State.STOPPED, 0, file, state + ", " + properties.getOrDefault("Result", "unknown result"));
    }

    private static Map<String, String> properties(String output) {
        var properties = new HashMap<String, String>();
        for (String line : output.split("\n")) {
            int equals = line.indexOf('=');
            if (equals > 0) {
                properties.put(
                        line.substring(0, equals), line.substring(equals + 1).strip());
            }
        }
        return properties;
    }

    private void requireInstalled() {
        if (!Files.exists(file)) {
            throw Service.notInstalled();
        }
    }

    private String require(String... arguments) {
        String[] all = new String[arguments.length + 1];
        all[0] = "--user";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        var outcome = programs.run("systemctl", all);
        if (!outcome.isGood()) {
            throw new CommandFailure(
                    ExitCode.FAILED,
                    "failed",
                    "systemctl " + String.join(" ", all) + " failed (code " + outcome.code() + "): " + outcome.output()
                            + "\nWithout a user session of systemd start the daemon by hand: vllmd");
        }
        return outcome.output();
    }
}
