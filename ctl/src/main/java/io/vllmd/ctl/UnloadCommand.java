package io.vllmd.ctl;

import io.vllmd.control.protocol.Calls;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ModelReports;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(name = "unload", description = "Unload a model once its running requests are done.")
final class UnloadCommand extends Command {
    @Parameters(paramLabel = "MODEL", description = "The id of a loaded model.")
    private String model = "";

    @Option(names = "--force", description = "Cancel running requests at once.")
    private boolean force;

    UnloadCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        Map<String, Object> tree;
        try (var daemon = change()) {
            tree = daemon.call(Methods.UNLOAD, new Calls.Unload(model, force).params());
        }
        var unloaded = ModelReports.Unloaded.from(tree);
        if (json()) {
            printJson("unload", tree);
        } else if (quiet()) {
            out().println(unloaded.model());
        } else {
            out().println(unloaded.model() + " is unloaded"
                    + (unloaded.cancelled() == 0 ? "." : "; " + unloaded.cancelled() + " requests were cancelled."));
            if (unloaded.wasDefault()) {
                out().println(
                                "There is no default model now. Set one: vllmctl switch MODEL    or load one: vllmctl load MODEL --default");
            }
        }
        return ExitCode.OK;
    }
}
