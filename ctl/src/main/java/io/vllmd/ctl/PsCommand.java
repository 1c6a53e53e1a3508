package io.vllmd.ctl;

import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ModelReports;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;

@CommandLine.Command(name = "ps", description = "Tell what is loaded.")
final class PsCommand extends Command {
    PsCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        Map<String, Object> tree;
        try (var daemon = ask()) {
            tree = daemon.call(Methods.PS, Map.of());
        }
        var models = ModelReports.Models.from(tree).models();
        if (json()) {
            printJson("ps", tree);
        } else if (quiet()) {
            models.forEach(model -> out().println(model.id()));
        } else if (models.isEmpty()) {
            out().println(
                            "No model is loaded. Load one: vllmctl load MODEL    (the one that comes with vllmd: sprout)");
        } else {
            var table =
                    new Table("MODEL", "STATE", "WEIGHTS", "CACHE", "CONTEXT", "RUNNING", "QUEUED", "REUSED", "FORMAT");
            models.forEach(model -> table.row(
                    model.id() + (model.isDefault() ? " *" : ""),
                    state(model),
                    Amounts.bytes(model.weightBytes()),
                    Amounts.bytes(model.engine().kvBytes()),
                    Long.toString(model.contextLength()),
                    Integer.toString(model.engine().running()),
                    Integer.toString(model.engine().queued()),
                    Amounts.percent(model.engine().reused()),
                    model.architecture() + ", " + model.quantization()));
            table.print(terminal());
            models.stream()
                    .filter(model -> !model.detail().isEmpty())
                    .forEach(model -> out().println(model.id() + ": " + model.detail()));
        }
        return ExitCode.OK;
    }

    /** One model on one line of the status. */
    static String sentence(ModelReports.Model model) {
        String text = model.id() + " " + state(model) + ", " + Amounts.bytes(model.weightBytes()) + " ("
                + model.quantization() + "), context " + model.contextLength() + ", "
                + model.engine().running() + " running, "
                + model.engine().queued() + " queued";
        return model.detail().isEmpty() ? text : text + ": " + model.detail();
    }

    private static String state(ModelReports.Model model) {
        return model.state().name().toLowerCase(Locale.ROOT);
    }
}
