package io.vllmd.ctl;

import io.vllmd.control.protocol.ModelReports;
import java.util.Locale;

/** Shows how far a load is, on standard error: a bar on a terminal, else a line for each new stage. */
final class ProgressBar {
    private static final int WIDTH = 30;

    private final Terminal terminal;
    private String stage = "";
    private boolean drawn;

    ProgressBar(Terminal terminal) {
        this.terminal = terminal;
    }

    void show(ModelReports.LoadProgress progress) {
        double fraction = Math.clamp(progress.fraction(), 0, 1);
        if (terminal.errIsTerminal()) {
            int full = (int) (fraction * WIDTH);
            String bar = "#".repeat(full) + ".".repeat(WIDTH - full);
            // Erases the rest of the line, for the stage before may have had a longer name.
            terminal.err().printf(Locale.ROOT, "\r[%s] %3.0f %%  %s\033[K", bar, fraction * 100, progress.stage());
            terminal.err().flush();
            drawn = true;
        } else if (!stage.equals(progress.stage())) {
            terminal.err().printf(Locale.ROOT, "%s: %s%n", progress.model(), progress.stage());
        }
        stage = progress.stage();
    }

    /** Clears the bar, so that what follows starts on a clean line. */
    void end() {
        if (drawn) {
            terminal.err().print("\r\033[K");
            terminal.err().flush();
        }
    }
}
