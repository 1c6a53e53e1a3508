package io.vllmd.scenario;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.control.protocol.Json;
import io.vllmd.control.protocol.Json.JsonException;
import io.vllmd.control.protocol.LineReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** What a daemon holds, sample by sample. */
final class MemoryCurve {
    /**
     * One look at the daemon.
     *
     * @param deeds done so far
     * @param resident bytes of the process, 0 where the system does not tell
     * @param files open descriptors of the process, 0 where the system does not tell
     * @param threads of the process, 0 where the system does not tell
     * @param arrays bytes that MLX holds
     * @param kv bytes of keys and values
     * @param kvHeld of these, bytes that requests run on; the rest are prefixes that may come again
     * @param kvFree bytes that keys and values may take beside these
     * @param running requests in the batch
     * @param queued requests that wait for a place in it
     */
    record Sample(
            double seconds,
            int deeds,
            long resident,
            long files,
            long threads,
            long arrays,
            long kv,
            long kvHeld,
            long kvFree,
            long running,
            long queued) {
        private static final String HEAD =
                "seconds,deeds,resident_mb,files,threads,arrays_mb,kv_mb,kv_held_mb,kv_free_mb,running,queued";

        private String line() {
            return String.format(
                    Locale.ROOT,
                    "%.1f,%d,%.1f,%d,%d,%.2f,%.2f,%.2f,%.2f,%d,%d",
                    seconds,
                    deeds,
                    resident / 1e6,
                    files,
                    threads,
                    arrays / 1e6,
                    kv / 1e6,
                    kvHeld / 1e6,
                    kvFree / 1e6,
                    running,
                    queued);
        }
    }

    private final DaemonProcess daemon;
    private final List<Sample> samples = new ArrayList<>();
    private final long begin = System.nanoTime();

    MemoryCurve(DaemonProcess daemon) {
        this.daemon = daemon;
    }

    /** Looks now. */
    synchronized Sample take(int deeds) throws IOException {
        Map<?, ?> status = status();
        Map<?, ?> engine = (Map<?, ?>) member(status, "engine");
        long kv = (Long) member(engine, "kvBytes");
        var sample = new Sample(
                (System.nanoTime() - begin) / 1e9,
                deeds,
                1024 * process("VmRSS"),
                files(),
                process("Threads"),
                (Long) member((Map<?, ?>) member(status, "memory"), "active"),
                kv,
                kv - (Long) member(engine, "kvIdleBytes"),
                (Long) member(engine, "kvLimitBytes") - kv,
                (Long) member(engine, "running"),
                (Long) member(engine, "queued"));
        samples.add(sample);
        return sample;
    }

    /** Looks until nothing runs any more: what left is taken out within a step. */
    Sample settled(int deeds) throws IOException, InterruptedException {
        Sample sample = take(deeds);
        while (sample.running() + sample.queued() > 0 || sample.kvHeld() > 0) {
            Thread.sleep(50);
            sample = take(deeds);
        }
        return sample;
    }

    synchronized List<Sample> samples() {
        return List.copyOf(samples);
    }

    synchronized void write(Path csv) throws IOException {
        Files.write(
                csv,
                Stream.concat(Stream.of(Sample.HEAD), samples.stream().map(Sample::line))
                        .toList());
    }

    private Map<?, ?> status() throws IOException {
        try (SocketChannel channel =
                SocketChannel.open(UnixDomainSocketAddress.of(daemon.home().resolve("ctl.sock")))) {
            channel.write(ByteBuffer.wrap("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n".getBytes(UTF_8)));
            byte[] line = new LineReader(Channels.newInputStream(channel))
                    .next()
                    .orElseThrow(() -> new IOException("the control socket said nothing"));
            return (Map<?, ?>) member(Json.readObject(line), "result");
        } catch (JsonException e) {
            throw new IOException(e);
        }
    }

    private static Object member(Map<?, ?> tree, String name) {
        Object value = tree.get(name);
        if (value == null) {
            throw new IllegalStateException("no \"" + name + "\" in " + tree);
        }
        return value;
    }

    /** A figure of the process as the kernel tells it. */
    private long process(String name) throws IOException {
        Path status = Path.of("/proc", Long.toString(daemon.process().pid()), "status");
        if (!Files.exists(status)) {
            return 0;
        }
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith(name + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElse(0);
    }

    private long files() throws IOException {
        Path open = Path.of("/proc", Long.toString(daemon.process().pid()), "fd");
        if (!Files.exists(open)) {
            return 0;
        }
        try (Stream<Path> files = Files.list(open)) {
            return files.count();
        }
    }
}
