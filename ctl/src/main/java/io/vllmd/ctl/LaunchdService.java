package io.vllmd.ctl;

import io.vllmd.config.Places;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** vllmd as a LaunchAgent, steered through launchctl's domain commands (load and unload are legacy). */
final class LaunchdService implements Service {
    static final String LABEL = "io.vllmd.daemon";

    /** What brew services calls it. */
    private static final String BREW_LABEL = "homebrew.mxcl.vllmd";

    // bootout returns before the job is gone, and bootstrap fails with 5 until it is: the template's ExitTimeOut.
    private static final int BOOTSTRAP_TRIES = 225;
    private static final long BETWEEN_TRIES_MILLIS = 200;

    private static final Pattern PID = Pattern.compile("(?m)^\\s*pid = (\\d+)$");
    private static final Pattern LAST_EXIT = Pattern.compile("(?m)^\\s*last exit code = (.+)$");

    private final Terminal terminal;
    private final Programs programs;
    private final ServiceTemplate template;
    private final Path file;

    LaunchdService(Terminal terminal, Programs programs, ServiceTemplate template) {
        this.terminal = terminal;
        this.programs = programs;
        this.template = template;
        this.file = userHome().resolve("Library").resolve("LaunchAgents").resolve(LABEL + ".plist");
    }

    @Override
    public void install() {
        String text = template.agent();
        Service.makeFolder(Places.of(terminal.environment(), terminal.os()).logs());
        Service.write(file, text);
        String domain = domain();
        // A job that was disabled once stays so across installs.
        programs.run("launchctl", "enable", domain + "/" + LABEL);
        bootstrap(domain);
    }

    @Override
    public void uninstall() {
        if (!Files.exists(file) && !isLoaded(LABEL)) {
            throw Service.notInstalled();
        }
        programs.run("launchctl", "bootout", domain() + "/" + LABEL);
        Service.delete(file);
    }

    @Override
    public void start() {
        for (String label : List.of(LABEL, BREW_LABEL)) {
            if (isLoaded(label)) {
                require(programs.run("launchctl", "kickstart", domain() + "/" + label), "start the service");
                return;
            }
        }
        if (!Files.exists(file)) {
            throw Service.notInstalled();
        }
        bootstrap(domain());
    }

    /** KeepAlive would bring a job back that was only killed, so it is taken out until the next start or login. */
    @Override
    public void stop() {
        for (String label : List.of(LABEL, BREW_LABEL)) {
            if (isLoaded(label)) {
                require(programs.run("launchctl", "bootout", domain() + "/" + label), "stop the service");
                return;
            }
        }
        if (!Files.exists(file)) {
            throw Service.notInstalled();
        }
    }

    @Override
    public Status status() {
        for (String label : List.of(LABEL, BREW_LABEL)) {
            var printed = programs.run("launchctl", "print", domain() + "/" + label);
            if (printed.isGood()) {
                var pid = PID.matcher(printed.output());
                var exit = LAST_EXIT.matcher(printed.output());
                String detail = exit.find() ? "last exit code " + exit.group(1) : "";
                return pid.find()
                        ? new Status(State.RUNNING, Long.parseLong(pid.group(1)), file, detail)
                        : new Status(State.STOPPED, 0, file, detail);
            }
        }
        return new Status(Files.exists(file) ? State.STOPPED : State.NOT_INSTALLED, 0, file, "");
    }

    private void bootstrap(String domain) {
        var outcome = programs.run("launchctl", "bootstrap", domain, file.toString());
        // Code 5 stands for a job that is loaded already as well as for a plist that is no good; bootout tells which.
        boolean wasLoaded = !outcome.isGood()
                && programs.run("launchctl", "bootout", domain + "/" + LABEL).isGood();
        for (int i = 0; wasLoaded && !outcome.isGood() && i < BOOTSTRAP_TRIES; i++) {
            pause();
            outcome = programs.run("launchctl", "bootstrap", domain, file.toString());
        }
        require(outcome, "start the service from " + file);
    }

    private boolean isLoaded(String label) {
        return programs.run("launchctl", "print", domain() + "/" + label).isGood();
    }

    /** The domain of the login session; over ssh without one, that of the user. */
    private String domain() {
        String user = Long.toString(userId());
        return programs.run("launchctl", "print", "gui/" + user).isGood() ? "gui/" + user : "user/" + user;
    }

    private Path userHome() {
        String home = terminal.environment().getOrDefault("HOME", "");
        if (home.isEmpty()) {
            throw new CommandFailure(
                    ExitCode.FAILED, "failed", "HOME is not set, so there is no place for a LaunchAgent.");
        }
        return Path.of(home);
    }

    private long userId() {
        try {
            return Integer.toUnsignedLong((int) Files.getAttribute(userHome(), "unix:uid"));
        } catch (IOException e) {
            throw new CommandFailure(
                    ExitCode.FAILED,
                    "failed",
                    "The folder " + userHome() + " can't be read: " + e.getMessage() + ".",
                    e);
        }
    }

    private static void pause() {
        try {
            Thread.sleep(BETWEEN_TRIES_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailure(ExitCode.FAILED, "failed", "Interrupted while launchd stopped the service.", e);
        }
    }

    private static void require(Programs.Outcome outcome, String aim) {
        if (!outcome.isGood()) {
            throw new CommandFailure(
                    ExitCode.FAILED,
                    "failed",
                    "launchctl could not " + aim + " (code " + outcome.code() + "): " + outcome.output()
                            + "\nSee what launchd knows: vllmctl service status");
        }
    }
}
