package io.vllmd.scenario;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A daemon of the assembled layout under a home of its own, on a free port. */
final class DaemonProcess implements AutoCloseable {
    static final Path REPOSITORY =
            Objects.requireNonNull(Path.of("").toAbsolutePath().getParent());
    static final Path LAYOUT = REPOSITORY.resolve("daemon/target/dist");
    private static final Pattern ADDRESS = Pattern.compile("http://127\\.0\\.0\\.1:(\\d+)");

    /** What a process that ended said. */
    record Outcome(int exit, String out, String err) {}

    private final Process process;
    private final Path home;
    private final String base;
    private final List<String> banner;

    private DaemonProcess(Process process, Path home, String base, List<String> banner) {
        this.process = process;
        this.home = home;
        this.base = base;
        this.banner = banner;
    }

    /** Starts a daemon and returns once it said that it serves. */
    static DaemonProcess start(Path home, String... arguments) throws IOException {
        return start(LAYOUT.resolve("bin/vllmd"), home, Map.of(), arguments);
    }

    /** As {@link #start(Path, String...)}, by this launcher and with these variables beside those of the test. */
    static DaemonProcess start(Path launcher, Path home, Map<String, String> environment, String... arguments)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(launcher.toString(), "--port", "0"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(new File(home.toFile(), "stderr.txt"));
        builder.environment().put("VLLMD_HOME", home.toString());
        builder.environment().putAll(environment);
        Process process = builder.start();
        List<String> banner = new ArrayList<>();
        String base = null;
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            banner.add(line);
            Matcher address = ADDRESS.matcher(line);
            if (base == null && address.find()) {
                base = "http://127.0.0.1:" + address.group(1);
            }
            if (line.isBlank() && base != null) {
                return new DaemonProcess(process, home, base, banner);
            }
        }
        throw new IOException("the daemon did not start:\n" + String.join("\n", banner) + "\n"
                + Files.readString(home.resolve("stderr.txt")));
    }

    String base() {
        return base;
    }

    Path home() {
        return home;
    }

    List<String> banner() {
        return banner;
    }

    Process process() {
        return process;
    }

    String log() throws IOException {
        return Files.readString(home.resolve("logs/vllmd.log"));
    }

    /** Runs vllmctl against this daemon. */
    Outcome ctl(String... arguments) throws IOException, InterruptedException {
        return ctl(home, arguments);
    }

    static Outcome ctl(Path home, String... arguments) throws IOException, InterruptedException {
        return run(home, "vllmctl", arguments);
    }

    /** Runs a program of the layout to its end. */
    static Outcome run(Path home, String program, String... arguments) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of(LAYOUT.resolve("bin").resolve(program).toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("VLLMD_HOME", home.toString());
        return outcome(builder);
    }

    static Outcome outcome(ProcessBuilder builder) throws IOException, InterruptedException {
        Path err = Files.createTempFile("vllmd", ".err");
        try {
            Process process = builder.redirectError(err.toFile()).start();
            process.getOutputStream().close();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int exit = process.waitFor();
            return new Outcome(exit, out, Files.readString(err));
        } finally {
            Files.deleteIfExists(err);
        }
    }

    /** Ends it at once, as a crash would. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** Asks it to stop, as launchd does, and returns its exit code. */
    int stop() throws InterruptedException {
        process.destroy();
        return process.waitFor();
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
