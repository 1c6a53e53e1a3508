package io.vllmd.ctl;

import io.vllmd.control.protocol.Calls;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ModelReports;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Parameters;

@CommandLine.Command(name = "switch", description = "Make a loaded model the default, from the next request on.")
final class SwitchCommand extends Command {
    @Parameters(paramLabel = "MODEL", description = "The id of a loaded model.")
    private String model = "";

    SwitchCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        Map<String, Object> tree;
        try (var daemon = change()) {
            tree = daemon.call(Methods.SWITCH, new Calls.Switch(model).params());
        }
        var switched = ModelReports.Switched.from(tree);
        if (json()) {
            printJson("switch", tree);
        } else if (quiet()) {
            out().println(switched.model());
        } else {
            String previous = switched.previous();
            out().println(switched.model() + " is the default from the next request on"
                    + (previous == null ? "." : "; before it was " + previous + "."));
        }
        return ExitCode.OK;
    }
}
