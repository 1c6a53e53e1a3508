package io.vllmd.ctl;

import io.vllmd.config.Places;
import io.vllmd.config.Version;
import io.vllmd.control.protocol.ErrorCode;
import io.vllmd.control.protocol.LineReader;
import io.vllmd.control.protocol.MalformedMessageException;
import io.vllmd.control.protocol.Message;
import io.vllmd.control.protocol.MessageCodec;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.Reports;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Calls the daemon over its control socket. All failures are {@link CommandFailure}s. */
final class DaemonClient implements AutoCloseable {
    private final Path socket;
    private final SocketChannel channel;
    private final LineReader lines;
    private final @Nullable Thread alarm;
    private volatile boolean timedOut;
    private long calls;

    /**
     * Connects to the daemon of these places.
     *
     * @param limit longest time for all that follows, or null for none
     */
    static DaemonClient connect(Places places, @Nullable Duration limit) {
        Path socket = places.socket();
        try {
            return new DaemonClient(socket, SocketChannel.open(UnixDomainSocketAddress.of(socket)), limit);
        } catch (IOException e) {
            if (Files.exists(socket) && !Files.isWritable(socket)) {
                throw new CommandFailure(
                        ExitCode.REFUSED,
                        "refused",
                        "The daemon at " + socket + " belongs to another user. Run this as that user or as root.",
                        e);
            }
            throw new CommandFailure(
                    ExitCode.NOT_RUNNING,
                    "not_running",
                    "No vllmd is running at " + socket
                            + ".\nStart one: vllmd    or as a service: vllmctl service start",
                    e);
        }
    }

    private DaemonClient(Path socket, SocketChannel channel, @Nullable Duration limit) {
        this.socket = socket;
        this.channel = channel;
        this.lines = new LineReader(Channels.newInputStream(channel));
        this.alarm = limit == null ? null : Thread.ofPlatform().daemon().start(() -> closeAfter(limit));
    }

    /** Closing is what ends a read that is blocked. */
    private void closeAfter(Duration limit) {
        try {
            Thread.sleep(limit);
            timedOut = true;
            channel.close();
        } catch (InterruptedException e) {
            // The answer came in time.
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** What the daemon is; works across protocol versions. */
    Reports.Version version() {
        return Reports.Version.from(ask(Methods.VERSION, Map.of(), progress -> {}));
    }

    /** Refuses a daemon that speaks another protocol, before anything is asked of it. */
    void requireSameProtocol() {
        var version = version();
        if (version.protocol() != Methods.PROTOCOL) {
            throw new CommandFailure(
                    ExitCode.FAILED,
                    "other_protocol",
                    "The daemon is vllmd " + version.version() + " and speaks protocol " + version.protocol()
                            + "; this is vllmctl " + Version.current() + " with protocol " + Methods.PROTOCOL
                            + ".\nUse the vllmctl that came with the daemon, or restart the daemon of this version.");
        }
    }

    /** Calls a method after the protocol was found to be the same. */
    Map<String, Object> call(String method, Map<String, Object> params, Consumer<Message.Notification> progress) {
        requireSameProtocol();
        return ask(method, params, progress);
    }

    Map<String, Object> call(String method, Map<String, Object> params) {
        return call(method, params, progress -> {});
    }

    private Map<String, Object> ask(
            String method, Map<String, Object> params, Consumer<Message.Notification> progress) {
        Object id = ++calls;
        try {
            var buffer = ByteBuffer.wrap(MessageCodec.encode(new Message.Request(id, method, params)));
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            while (true) {
                Optional<byte[]> line = lines.next();
                if (line.isEmpty()) {
                    throw new CommandFailure(
                            ExitCode.FAILED,
                            "gone",
                            "The daemon at " + socket + " closed the connection before it answered."
                                    + "\nSee whether it still runs: vllmctl status");
                }
                Message message = MessageCodec.decode(line.get());
                if (message instanceof Message.Notification notification) {
                    progress.accept(notification);
                } else if (message instanceof Message.Result result
                        && result.id().equals(id)) {
                    return result.result();
                } else if (message instanceof Message.Failure failure
                        && (failure.id() == null || failure.id().equals(id))) {
                    throw refused(failure);
                } else {
                    throw foreign("it answered what was not asked", null);
                }
            }
        } catch (MalformedMessageException e) {
            throw foreign(String.valueOf(e.getMessage()), e);
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private static CommandFailure refused(Message.Failure failure) {
        var code = ErrorCode.of(failure.code());
        Object kind = failure.data().get("kind");
        return new CommandFailure(
                code.map(ErrorCode::exit).orElse(ExitCode.FAILED),
                kind instanceof String text ? text : "failed",
                failure.message());
    }

    private CommandFailure foreign(String what, @Nullable Throwable cause) {
        return new CommandFailure(
                ExitCode.FAILED,
                "other_protocol",
                "Whatever listens at " + socket + " is no vllmd: " + what + ".",
                cause);
    }

    private CommandFailure failure(IOException e) {
        if (timedOut && (e instanceof AsynchronousCloseException || e instanceof ClosedChannelException)) {
            return new CommandFailure(
                    ExitCode.TIMED_OUT,
                    "timed_out",
                    "The daemon at " + socket + " did not answer in time."
                            + "\nAllow more with --timeout SECONDS, or look into its log under "
                            + socket.resolveSibling("logs") + ".",
                    e);
        }
        return new CommandFailure(
                ExitCode.FAILED, "failed", "The connection to " + socket + " broke: " + e.getMessage() + ".", e);
    }

    @Override
    public void close() {
        if (alarm != null) {
            alarm.interrupt();
        }
        try {
            channel.close();
        } catch (IOException e) {
            throw failure(e);
        }
    }
}
