package io.vllmd.ctl.bench;

import io.vllmd.config.Version;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The machine that the client runs on, which is the server's where that is local.
 *
 * @param memoryBytes 0 where the system does not tell
 * @param load processes that ran or waited in the last minute, or -1 where the system does not tell
 */
public record MachineFacts(
        String processor, int cores, long memoryBytes, String system, String jdk, String version, double load) {

    static MachineFacts read() {
        boolean mac = System.getProperty("os.name", "").startsWith("Mac");
        return new MachineFacts(
                mac
                        ? sysctl("machdep.cpu.brand_string")
                        : line("/proc/cpuinfo", "model name").orElse("unknown"),
                Runtime.getRuntime().availableProcessors(),
                mac
                        ? number(sysctl("hw.memsize"))
                        : line("/proc/meminfo", "MemTotal")
                                .map(MachineFacts::kilobytes)
                                .orElse(0L),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                System.getProperty("java.vendor.version", "") + " " + System.getProperty("java.version"),
                Version.current(),
                loadNow());
    }

    /** Processes that ran or waited in the last minute, or -1. */
    static double loadNow() {
        return text("/proc/loadavg")
                .map(text -> Double.parseDouble(text.split(" ")[0]))
                .orElse(-1.0);
    }

    private static Optional<String> line(String file, String name) {
        return text(file)
                .flatMap(text -> text.lines()
                        .filter(line -> line.startsWith(name))
                        .map(line -> line.substring(line.indexOf(':') + 1).strip())
                        .findFirst());
    }

    private static Optional<String> text(String file) {
        Path path = Path.of(file);
        if (!Files.isReadable(path)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long kilobytes(String text) {
        return 1024 * number(text.replaceAll("\\D", ""));
    }

    private static long number(String digits) {
        return digits.matches("\\d{1,18}") ? Long.parseLong(digits) : 0;
    }

    private static String sysctl(String name) {
        try {
            var process = new ProcessBuilder(List.of("sysctl", "-n", name)).start();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0 ? out.strip() : "unknown";
        } catch (IOException e) {
            return "unknown";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "unknown";
        }
    }

    /** In one line. */
    public String sentence() {
        var parts = new ArrayList<>(List.of(processor, cores + " cores"));
        if (memoryBytes > 0) {
            parts.add(Math.round(memoryBytes / 1e9) + " GB");
        }
        parts.add(system);
        return String.join(", ", parts);
    }

    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("processor", processor);
        tree.put("cores", cores);
        tree.put("memoryBytes", memoryBytes);
        tree.put("system", system);
        tree.put("java", jdk.strip());
        tree.put("vllmctl", version);
        return tree;
    }
}
