package io.vllmd.ctl;

import io.vllmd.config.Places;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Fills the templates of the launchd module. Neither launchd nor systemd expands ~, and both give a bare environment. */
final class ServiceTemplate {
    /** What the daemon's launcher and its model search read from the environment of whoever installs it. */
    private static final String[] PASSED_ON = {
        "HOME", "JAVA_HOME", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "VLLMD_MLX_HOME"
    };

    private final Terminal terminal;
    private final Places places;

    ServiceTemplate(Terminal terminal, Places places) {
        this.terminal = terminal;
        this.places = places;
    }

    /** The LaunchAgent: runs while its user is logged in. */
    String agent() {
        return plist("agent.plist", "");
    }

    /** The LaunchDaemon: runs from boot on, as this user. */
    String daemon(String user) {
        return plist("daemon.plist", user);
    }

    /** The systemd user unit. */
    String unit() {
        String environment = environment().entrySet().stream()
                .map(e -> "Environment=\"" + unitText(e.getKey() + "=" + e.getValue()) + "\"")
                .collect(Collectors.joining("\n"));
        return read("vllmd.service")
                .replace("@PROGRAM@", unitText(program()))
                .replace("@HOME@", unitText(places.home().toString()))
                .replace("@ENVIRONMENT@", environment);
    }

    private String plist(String template, String user) {
        String environment = environment().entrySet().stream()
                .map(e -> "    <key>" + xml(e.getKey()) + "</key>\n    <string>" + xml(e.getValue()) + "</string>")
                .collect(Collectors.joining("\n"));
        return read(template)
                .replace("@PROGRAM@", xml(program()))
                .replace("@HOME@", xml(places.home().toString()))
                .replace("@LOGS@", xml(places.logs().toString()))
                .replace("@USER@", xml(user))
                .replace("@ENVIRONMENT@", environment);
    }

    private String program() {
        if (terminal.root().isEmpty()) {
            throw new CommandFailure(
                    ExitCode.FAILED,
                    "failed",
                    "vllmctl does not know where vllmd is installed. Run it by its launcher: ctl/vllmctl or bin/vllmctl.");
        }
        return plain(Path.of(terminal.root(), "bin", "vllmd").toAbsolutePath().toString());
    }

    private Map<String, String> environment() {
        var environment = new TreeMap<String, String>();
        for (String name : PASSED_ON) {
            String value = terminal.environment().getOrDefault(name, "");
            if (!value.isEmpty()) {
                environment.put(name, plain(value));
            }
        }
        environment.put("VLLMD_HOME", plain(places.home().toString()));
        environment.put("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        return environment;
    }

    /** Refuses what looks like something that a shell would expand: here it would be taken as it stands. */
    private static String plain(String value) {
        if (value.startsWith("~") || value.contains("$") || value.chars().anyMatch(c -> c < ' ')) {
            throw new CommandFailure(
                    ExitCode.USAGE,
                    "usage",
                    "\"" + value
                            + "\" can't stand in a service file, where nothing expands ~ or $. Write the path out.");
        }
        return value;
    }

    private static String xml(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private static String unitText(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("%", "%%");
    }

    private static String read(String template) {
        try (var in = Objects.requireNonNull(
                ServiceTemplate.class.getResourceAsStream("/io/vllmd/launchd/" + template), template)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("template " + template + " can't be read", e);
        }
    }
}
