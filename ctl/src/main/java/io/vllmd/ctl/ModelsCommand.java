package io.vllmd.ctl;

import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ModelReports;
import java.util.Map;
import picocli.CommandLine;

@CommandLine.Command(name = "models", description = "Tell which models a client can name.")
final class ModelsCommand extends Command {
    ModelsCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        Map<String, Object> tree;
        try (var daemon = ask()) {
            tree = daemon.call(Methods.MODELS, Map.of());
        }
        var models = ModelReports.Served.from(tree).models();
        if (json()) {
            printJson("models", tree);
        } else if (quiet()) {
            models.forEach(model -> out().println(model.id()));
        } else if (models.isEmpty()) {
            out().println(
                            "No model is served. Load one: vllmctl load MODEL    (the one that comes with vllmd: sprout)");
        } else {
            var table = new Table("MODEL", "ALSO", "CONTEXT");
            models.forEach(model -> table.row(
                    model.id() + (model.isDefault() ? " *" : ""),
                    String.join(", ", model.aliases()),
                    Long.toString(model.contextLength())));
            table.print(terminal());
        }
        return ExitCode.OK;
    }
}
