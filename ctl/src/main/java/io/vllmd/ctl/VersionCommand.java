package io.vllmd.ctl;

import io.vllmd.config.Version;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.Reports;
import java.util.LinkedHashMap;
import java.util.Optional;
import picocli.CommandLine;

@CommandLine.Command(name = "version", description = "Tell the versions of vllmctl and of the daemon, if one runs.")
final class VersionCommand extends Command {
    VersionCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        var daemon = daemon();
        if (json()) {
            var members = new LinkedHashMap<String, Object>();
            members.put("version", Version.current());
            members.put("protocol", Methods.PROTOCOL);
            daemon.ifPresent(version -> members.put("daemon", version.tree()));
            printJson("version", members);
        } else {
            out().println(
                            quiet()
                                    ? Version.current()
                                    : "vllmctl " + Version.current() + " (protocol " + Methods.PROTOCOL + ")");
            if (!quiet()) {
                out().println(daemon.map(VersionCommand::sentence).orElse("vllmd is not running"));
            }
        }
        return ExitCode.OK;
    }

    private static String sentence(Reports.Version version) {
        return "vllmd " + version.version() + " (protocol " + version.protocol() + ", MLX " + version.mlx()
                + ", process " + version.pid() + ")";
    }

    private Optional<Reports.Version> daemon() {
        try (var client = ask()) {
            return Optional.of(client.version());
        } catch (CommandFailure e) {
            if (e.exit() == ExitCode.NOT_RUNNING) {
                return Optional.empty();
            }
            throw e;
        }
    }
}
