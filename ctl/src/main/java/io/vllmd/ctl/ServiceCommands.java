package io.vllmd.ctl;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** The commands under {@code vllmctl service}. */
final class ServiceCommands {
    private ServiceCommands() {}

    static CommandLine line(Options options) {
        return new CommandLine(new Group())
                .addSubcommand("install", new Install(options))
                .addSubcommand("uninstall", new Uninstall(options))
                .addSubcommand("start", new Start(options))
                .addSubcommand("stop", new Stop(options))
                .addSubcommand("status", new State(options));
    }

    @CommandLine.Command(
            name = "service",
            description = "vllmd as a service of launchd or systemd: install, uninstall, start, stop, status.")
    static final class Group implements Runnable {
        @Override
        public void run() {
            throw new CommandFailure(
                    ExitCode.USAGE,
                    "usage",
                    "service needs to know what to do: vllmctl service install, uninstall, start, stop or status");
        }
    }

    abstract static class ServiceCommand extends Command {
        ServiceCommand(Options options) {
            super(options);
        }

        ServiceTemplate template() {
            return new ServiceTemplate(terminal(), places());
        }

        Service service() {
            return Service.of(terminal(), new Programs(terminal().environment()), template());
        }

        void done(String what, Service service, String sentence) {
            if (json()) {
                printJson("service " + what, tree(service.status()));
            } else if (!quiet()) {
                out().println(sentence);
            }
        }

        static Map<String, Object> tree(Service.Status status) {
            var tree = new LinkedHashMap<String, Object>();
            tree.put("state", status.state().name().toLowerCase(Locale.ROOT));
            if (status.pid() > 0) {
                tree.put("pid", status.pid());
            }
            tree.put("file", status.file().toString());
            tree.put("detail", status.detail());
            return tree;
        }
    }

    @CommandLine.Command(name = "install", description = "Run vllmd from now on and at every login.")
    static final class Install extends ServiceCommand {
        @Option(
                names = "--system",
                description = "macOS: make a LaunchDaemon that runs from boot on as you, and tell how to place it.")
        private boolean system;

        Install(Options options) {
            super(options);
        }

        @Override
        public Integer call() {
            if (system) {
                return prepareSystemDaemon();
            }
            var service = service();
            service.install();
            done(
                    "install",
                    service,
                    "vllmd is installed as a service and runs: "
                            + service.status().file() + "\nSee it: vllmctl service status");
            return ExitCode.OK;
        }

        /** Placing it needs root; writing a root-owned file is for its owner to do. */
        private int prepareSystemDaemon() {
            if (!terminal().isMac()) {
                throw new CommandFailure(
                        ExitCode.REFUSED, "unsupported", "--system is for macOS. Here: vllmctl service install");
            }
            String user = terminal().environment().getOrDefault("USER", "");
            if (user.isEmpty() || user.equals("root")) {
                throw new CommandFailure(
                        ExitCode.REFUSED,
                        "refused",
                        "The system daemon runs as the user who installs it, and that must not be root. Run this as yourself.");
            }
            Path file = places().home().resolve(LaunchdService.LABEL + ".plist");
            Service.makeFolder(places().logs());
            Service.write(file, template().daemon(user));
            String target = "/Library/LaunchDaemons/" + file.getFileName();
            if (json()) {
                printJson("service install", Map.of("file", file.toString(), "target", target));
            } else {
                out().println("Wrote " + file + ". Place and start it as root:");
                out().println("  sudo install -o root -g wheel -m 644 '" + file + "' " + target);
                out().println("  sudo launchctl bootstrap system " + target);
            }
            return ExitCode.OK;
        }
    }

    @CommandLine.Command(name = "uninstall", description = "Stop the service and remove it.")
    static final class Uninstall extends ServiceCommand {
        Uninstall(Options options) {
            super(options);
        }

        @Override
        public Integer call() {
            var service = service();
            service.uninstall();
            done(
                    "uninstall",
                    service,
                    "The service is stopped and removed. Models and settings stay in " + places().home());
            return ExitCode.OK;
        }
    }

    @CommandLine.Command(name = "start", description = "Start the service.")
    static final class Start extends ServiceCommand {
        Start(Options options) {
            super(options);
        }

        @Override
        public Integer call() {
            var service = service();
            service.start();
            done("start", service, "The service is started. See it: vllmctl service status");
            return ExitCode.OK;
        }
    }

    @CommandLine.Command(name = "stop", description = "Stop the service until the next start or login.")
    static final class Stop extends ServiceCommand {
        Stop(Options options) {
            super(options);
        }

        @Override
        public Integer call() {
            var service = service();
            service.stop();
            done("stop", service, "The service is stopped. Start it again: vllmctl service start");
            return ExitCode.OK;
        }
    }

    @CommandLine.Command(name = "status", description = "Tell whether the service runs.")
    static final class State extends ServiceCommand {
        State(Options options) {
            super(options);
        }

        @Override
        public Integer call() {
            var status = service().status();
            if (json()) {
                printJson("service status", tree(status));
            } else if (quiet()) {
                out().println(status.state().name().toLowerCase(Locale.ROOT));
            } else {
                String detail = status.detail().isEmpty() ? "" : " (" + status.detail() + ")";
                out().println(
                                switch (status.state()) {
                                    case RUNNING ->
                                        "running, process " + status.pid() + detail + ", from " + status.file();
                                    case STOPPED ->
                                        "stopped" + detail + ", from " + status.file()
                                                + "\nStart it: vllmctl service start";
                                    case NOT_INSTALLED -> "not installed\nInstall it: vllmctl service install";
                                });
            }
            return status.state() == Service.State.RUNNING ? ExitCode.OK : ExitCode.NOT_RUNNING;
        }
    }
}
