package io.vllmd.scenario;

import io.vllmd.scenario.MemoryCurve.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** A curve in one picture: a strip for each figure, from nought to its most. */
final class SoakPicture {
    private static final int WIDTH = 760;
    private static final int LEFT = 150;
    private static final int STRIP = 70;
    private static final int GAP = 18;

    private record Strip(String name, ToDoubleFunction<Sample> figure) {}

    private static final List<Strip> STRIPS = List.of(
            new Strip("resident, MB", s -> s.resident() / 1e6),
            new Strip("keys and values, MB", s -> s.kv() / 1e6),
            new Strip("free for these, MB", s -> s.kvFree() / 1e6),
            new Strip("requests", s -> s.running() + s.queued()),
            new Strip("threads", Sample::threads),
            new Strip("open files", Sample::files));

    private SoakPicture() {}

    static void write(List<Sample> samples, Path svg) throws IOException {
        double seconds = samples.getLast().seconds();
        int height = STRIPS.size() * (STRIP + GAP) + 2 * GAP;
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT, """
                <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">
                <rect width="100%%" height="100%%" fill="white"/>
                """, LEFT + WIDTH + GAP, height));
        int top = GAP;
        for (Strip strip : STRIPS) {
            double most = samples.stream().mapToDouble(strip.figure).max().orElse(1);
            text.append(String.format(
                    Locale.ROOT,
                    """
                    <text x="4" y="%d">%s</text><text x="4" y="%d" fill="#666">0 to %.0f</text>
                    <path d="M%d %dh%d" stroke="#ccc"/>
                    <polyline fill="none" stroke="#2563a8" stroke-width="1" points="
                    """,
                    top + STRIP / 2,
                    strip.name,
                    top + STRIP / 2 + 16,
                    most,
                    LEFT,
                    top + STRIP,
                    WIDTH));
            for (Sample each : samples) {
                double value = strip.figure.applyAsDouble(each);
                text.append(String.format(
                        Locale.ROOT,
                        "%.1f,%.1f ",
                        LEFT + WIDTH * each.seconds() / seconds,
                        top + STRIP * (1 - (most == 0 ? 0 : value / most))));
            }
            text.append("\"/>\n");
            top += STRIP + GAP;
        }
        text.append(String.format(
                Locale.ROOT,
                "<text x=\"%d\" y=\"%d\">0</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.0f min</text>%n</svg>%n",
                LEFT,
                top,
                LEFT + WIDTH,
                top,
                seconds / 60));
        Files.writeString(svg, text);
    }
}
