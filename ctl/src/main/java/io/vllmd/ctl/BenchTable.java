package io.vllmd.ctl;

import io.vllmd.ctl.bench.Capacity;
import io.vllmd.ctl.bench.Cell;
import io.vllmd.ctl.bench.CellResult;
import io.vllmd.ctl.bench.Measured;
import io.vllmd.ctl.bench.Ratio;
import io.vllmd.ctl.bench.Result;
import io.vllmd.ctl.bench.ServerFacts;
import io.vllmd.ctl.bench.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A benchmark's result for a person. */
final class BenchTable {
    private static final String NONE = "–";

    private final Terminal terminal;
    private final boolean quiet;

    BenchTable(Terminal terminal, boolean quiet) {
        this.terminal = terminal;
        this.quiet = quiet;
    }

    void print(Result result) {
        if (!quiet) {
            head(result);
        }
        boolean two = result.baseline() != null;
        var table = new Table(columns(
                two, "PROMPT", "CACHE", "TOKENS", "STREAMS", "SERVER", "TTFT MS", "P95", "GAP MS", "P95", "LONGEST",
                "END S", "TOK/S", "DECODE", "CACHED", "FAILED"));
        boolean any = false;
        for (CellResult cell : result.cells()) {
            if (!cell.skipped().isEmpty()) {
                continue;
            }
            any = true;
            table.row(columns(two, row(cell.cell(), "A", cell.server())));
            if (cell.baseline() != null) {
                table.row(row(cell.cell(), "B", cell.baseline()));
            }
            if (cell.ratio() != null) {
                table.row(ratio(cell.ratio()));
            }
        }
        if (any) {
            table.print(terminal);
        }
        if (!quiet) {
            notes(result);
        }
        for (CellResult cell : result.cells()) {
            cell.broken()
                    .forEach(broken -> terminal.out().println("limit broken at " + where(cell.cell()) + ": " + broken));
        }
        for (Capacity capacity : result.capacities()) {
            var cell = new Cell(capacity.promptTokens(), capacity.tokens(), capacity.cache(), capacity.streams());
            terminal.out().println("within the limits: " + where(cell));
        }
    }

    private void head(Result result) {
        terminal.out().println(result.machine().sentence() + load(result));
        terminal.out().println(side("", result.server()));
        ServerFacts baseline = result.baseline();
        if (baseline != null) {
            terminal.out().println(side("beside ", baseline));
        }
        terminal.out()
                .println("Rounds: " + result.plan().rounds() + ", after "
                        + result.plan().warmUps()
                        + " to warm up. Times: median and 95 in 100 of requests. Rates: medians of rounds.");
        terminal.out().println();
    }

    /** The fifth column tells two servers apart, and is not there where there is one. */
    private static String[] columns(boolean two, String... cells) {
        var kept = new ArrayList<>(List.of(cells));
        if (!two) {
            kept.remove(4);
        }
        return kept.toArray(String[]::new);
    }

    private static String side(String word, ServerFacts server) {
        return word + server.url() + ", model " + server.model();
    }

    private static String load(Result result) {
        double before = result.machine().load();
        return before < 0
                ? ""
                : String.format(Locale.ROOT, "; load %.1f before, %.1f after", before, result.loadAtEnd());
    }

    private static String[] row(Cell cell, String side, Measured m) {
        return new String[] {
            m.promptTokens().isEmpty() ? length(cell) : number(m.promptTokens().p50(), 0),
            cell.cache().word(),
            number(m.completionTokens().p50(), 0),
            Integer.toString(cell.streams()),
            side,
            number(m.firstMillis().p50(), 1),
            number(m.firstMillis().p95(), 1),
            number(m.gapMillis().p50(), 2),
            number(m.gapMillis().p95(), 2),
            number(m.gapMillis().most(), 1),
            number(m.wholeMillis().p50() / 1000, 2),
            number(m.tokensPerSecond().p50(), 1),
            number(m.decodeTokensPerSecond().p50(), 1),
            number(m.cachedTokens().p50(), 0),
            m.failed() == 0 ? "0" : m.failed() + "/" + m.requests()
        };
    }

    private static String[] ratio(Ratio ratio) {
        return new String[] {
            "",
            "",
            "",
            "",
            "A / B",
            times(ratio.first()),
            "",
            times(ratio.gap()),
            "",
            "",
            "",
            times(ratio.tokensPerSecond()),
            times(ratio.decode()),
            "",
            ""
        };
    }

    private void notes(Result result) {
        List<String> notes = new ArrayList<>();
        for (CellResult cell : result.cells()) {
            if (!cell.skipped().isEmpty()) {
                notes.add(where(cell.cell()) + " was not measured: " + cell.skipped());
            }
            note(notes, cell, "", cell.server());
            if (cell.baseline() != null) {
                note(notes, cell, " (B)", cell.baseline());
            }
        }
        if (result.tokensGuessed()) {
            notes.add("The server's usage tells no prompt tokens: lengths of prompts are guesses.");
        }
        if (!notes.isEmpty()) {
            terminal.out().println();
            notes.forEach(terminal.out()::println);
        }
    }

    private static void note(List<String> notes, CellResult cell, String side, @Nullable Measured m) {
        if (m == null) {
            return;
        }
        m.details().forEach(detail -> notes.add(where(cell.cell()) + side + ", a failure: " + detail));
        Spread meanwhile = m.gapMeanwhile();
        if (!meanwhile.isEmpty()) {
            notes.add(String.format(
                    Locale.ROOT,
                    "%s%s: longest gap %.1f ms (%.1f at most) before the prompt joined, %.1f ms (%.1f at most) while it"
                            + " was read; its first token after %.0f ms%s",
                    where(cell.cell()),
                    side,
                    m.gapBefore().p50(),
                    m.gapBefore().most(),
                    meanwhile.p50(),
                    meanwhile.most(),
                    m.admittedMillis().p50(),
                    m.outlived() == 0
                            ? ""
                            : "; in " + m.outlived() + " rounds a stream ended before that: give more --tokens"));
        }
    }

    private static String where(Cell cell) {
        return length(cell) + " " + cell.cache().word() + ", " + cell.streams()
                + (cell.streams() == 1 ? " stream" : " streams");
    }

    private static String length(Cell cell) {
        return cell.promptTokens() == 0 ? "given" : Integer.toString(cell.promptTokens());
    }

    private static String number(double value, int digits) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%." + digits + "f", value) : NONE;
    }

    private static String times(double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%.2f×", value) : NONE;
    }
}
