package io.vllmd.ctl;

import io.vllmd.control.protocol.Calls;
import io.vllmd.control.protocol.EngineReports;
import io.vllmd.control.protocol.Methods;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Parameters;

@CommandLine.Command(
        name = "limits",
        description = "Tell the engine's limits, or change some while it runs: all of those named or none.")
final class LimitsCommand extends Command {
    @Parameters(
            paramLabel = "KEY=VALUE",
            arity = "0..*",
            description = "A limit and its new value, such as max-batch=8 or prefill-budget=50ms.")
    private List<String> changes = List.of();

    LimitsCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        var set = new LinkedHashMap<String, Object>();
        for (String change : changes) {
            int equals = change.indexOf('=');
            if (equals < 1) {
                throw new CommandFailure(
                        ExitCode.USAGE,
                        "usage",
                        "A change is written KEY=VALUE, such as max-batch=8; \"" + change + "\" is none.");
            }
            set.put(
                    change.substring(0, equals).strip(),
                    change.substring(equals + 1).strip());
        }
        Map<String, Object> tree;
        try (var daemon = ask()) {
            tree = daemon.call(Methods.LIMITS, new Calls.Limits(set).params());
        }
        var limits = EngineReports.Limits.from(tree);
        if (json()) {
            printJson("limits", tree);
        } else if (quiet()) {
            limits.changed().forEach(out()::println);
        } else if (changes.isEmpty()) {
            print(limits);
        } else {
            printChanges(limits);
        }
        return ExitCode.OK;
    }

    private void print(EngineReports.Limits limits) {
        var table = new Table("LIMIT", "VALUE");
        limits.limits().forEach(table::row);
        table.print(terminal());
        out().println("Change some: vllmctl limits KEY=VALUE ...    What they mean: engine in reference.conf");
    }

    private void printChanges(EngineReports.Limits limits) {
        if (limits.changed().isEmpty()) {
            out().println("Nothing changed: that is what they are.");
            return;
        }
        for (String key : limits.changed()) {
            out().println("engine." + key + " = " + limits.limits().get(key));
        }
        out().println("In force now, until the daemon stops. To keep it, write it into vllmd.conf.");
    }
}
