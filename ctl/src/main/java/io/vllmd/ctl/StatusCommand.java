package io.vllmd.ctl;

import io.vllmd.control.protocol.EngineReports;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ModelReports;
import io.vllmd.control.protocol.Reports;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;

@CommandLine.Command(name = "status", description = "Tell where the daemon stands, on one screen.")
final class StatusCommand extends Command {
    StatusCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        Map<String, Object> tree;
        try (var daemon = ask()) {
            tree = daemon.call(Methods.STATUS, Map.of());
        }
        var status = Reports.Status.from(tree);
        if (json()) {
            printJson("status", tree);
        } else if (quiet()) {
            out().println(status.degraded() ? "degraded" : "running");
        } else {
            print(status);
        }
        return status.degraded() ? ExitCode.DEGRADED : ExitCode.OK;
    }

    private void print(Reports.Status status) {
        out().println(terminal().bold("vllmd " + status.version())
                + (status.degraded() ? " is degraded" : " is running") + " for "
                + Amounts.seconds(status.uptimeSeconds()) + ", process " + status.pid());
        line("address", status.url());
        line("socket", places().socket().toString());
        line("device", status.device());
        line("profile", status.profile());
        line(
                "default",
                status.defaultModel() == null ? "none; set one: vllmctl load MODEL --default" : status.defaultModel());
        var memory = status.memory();
        line(
                "memory",
                Amounts.bytes(memory.active()) + " in use, " + Amounts.bytes(memory.cached()) + " kept for reuse, "
                        + Amounts.bytes(memory.peak()) + " at most");
        line("engine", engine(status.engine()));
        for (ModelReports.Model model : status.models()) {
            line("model", PsCommand.sentence(model));
        }
        status.notices().forEach(notice -> line("note", notice));
    }

    private static String engine(EngineReports.Figures engine) {
        String cache = Amounts.bytes(engine.kvBytes()) + " of " + Amounts.bytes(engine.kvLimitBytes())
                + " keys and values, " + Amounts.bytes(engine.kvIdleBytes()) + " of it idle prefixes";
        if (engine.steps() == 0) {
            return "idle since it began; " + cache;
        }
        String steps = engine.tokens() + " tokens in " + engine.steps() + " steps, "
                + String.format(Locale.ROOT, "%.2f ms", engine.hostMillisPerStep()) + " of each on the host";
        String reused = Amounts.percent(engine.reused()) + " of prompt tokens reused";
        String guessed = engine.guessed() == 0
                ? ""
                : "; " + Amounts.percent((double) engine.guessedRight() / engine.guessed()) + " of " + engine.guessed()
                        + " guessed tokens right";
        return steps + "; " + cache + "; " + reused + guessed;
    }

    private void line(String name, String value) {
        out().println("  " + name + " ".repeat(9 - name.length()) + value);
    }
}
