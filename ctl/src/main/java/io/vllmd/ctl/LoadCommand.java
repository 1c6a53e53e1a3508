package io.vllmd.ctl;

import io.vllmd.control.protocol.Calls;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ModelReports;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@CommandLine.Command(name = "load", description = "Load a model and wait until it serves.")
final class LoadCommand extends Command {
    @Parameters(paramLabel = "MODEL", description = "A folder, a repository of the Hugging Face cache, or sprout.")
    private String model = "";

    @Option(names = "--name", paramLabel = "NAME", description = "Serve it under this id.")
    private @Nullable String name;

    @Option(names = "--default", description = "Make it the default model.")
    private boolean makeDefault;

    LoadCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        Map<String, Object> tree;
        var bar = new ProgressBar(terminal());
        var interrupted = new Thread(() -> {
            bar.end();
            terminal().err().println("vllmctl: the load of " + model + " goes on in the daemon. See: vllmctl ps");
        });
        Runtime.getRuntime().addShutdownHook(interrupted);
        try (var daemon = change()) {
            tree = daemon.call(
                    Methods.LOAD,
                    new Calls.Load(source(model, terminal().folder()), name, makeDefault).params(),
                    note -> {
                        if (note.method().equals(Methods.LOAD_PROGRESS) && !quiet() && !json()) {
                            bar.show(ModelReports.LoadProgress.from(note.params()));
                        }
                    });
        } finally {
            bar.end();
            forget(interrupted);
        }
        var loaded = ModelReports.Loaded.from(tree);
        if (json()) {
            printJson("load", tree);
        } else if (quiet()) {
            out().println(loaded.model());
        } else {
            out().println(loaded.model()
                    + (loaded.already() ? " was loaded already" : " serves")
                    + (loaded.isDefault() ? " and is the default" : "")
                    + (loaded.already() ? "." : String.format(Locale.ROOT, " after %.1f s.", loaded.seconds())));
            if (!loaded.isDefault()) {
                out().println("Make it the default: vllmctl switch " + loaded.model());
            }
        }
        return ExitCode.OK;
    }

    /** A folder is named to the daemon in full, for its working folder is another one. */
    static String source(String model, Path folder) {
        Path path = folder.resolve(model).normalize();
        boolean isPath =
                model.startsWith("/") || model.startsWith("./") || model.startsWith("../") || model.equals(".");
        return isPath || Files.isRegularFile(path.resolve("config.json")) ? path.toString() : model;
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The interrupt came just now, and the hook says so.
            return;
        }
    }
}
