package io.vllmd.control;

import io.vllmd.config.ControlSettings;
import io.vllmd.config.Problem;
import io.vllmd.config.Reasons;
import io.vllmd.control.protocol.ErrorCode;
import io.vllmd.control.protocol.MessageCodec;
import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.spi.AbstractSelector;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import jnr.enxio.channels.NativeSelectorProvider;
import jnr.unixsocket.UnixServerSocketChannel;
import jnr.unixsocket.UnixSocketChannel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens on the control socket: one thread accepts, each connection has a platform thread of its own (jnr's
 * calls would pin a virtual one). Only this user and root get in.
 */
public final class ControlServer implements AutoCloseable {
    private static final long ACCEPT_PAUSE_NANOS = 500_000_000L;
    private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);
    private static final int BACKLOG = 64;

    private final SocketFile file;
    private final UnixServerSocketChannel server;
    private final AbstractSelector selector;
    private final ControlSettings settings;
    private final ControlHandler handler;
    private final PeerCredentials credentials;
    private final long owner;
    private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
    private final Thread acceptor;
    private volatile boolean closing;

    /**
     * Starts to listen.
     *
     * @param socket where, as {@link io.vllmd.config.Places#socket} tells it
     * @throws io.vllmd.config.ProblemException CONFLICT where another daemon listens there, UNAVAILABLE where the
     *     socket can't be made
     */
    public static ControlServer start(Path socket, ControlSettings settings, ControlHandler handler) {
        return start(socket, settings, handler, PeerCredentials.ofSystem());
    }

    static ControlServer start(
            Path socket, ControlSettings settings, ControlHandler handler, PeerCredentials credentials) {
        try {
            var file = SocketFile.claim(socket);
            boolean started = false;
            try {
                var server = new ControlServer(socket, file, settings, handler, credentials);
                server.acceptor.start();
                started = true;
                return server;
            } finally {
                if (!started) {
                    file.close();
                }
            }
        } catch (IOException e) {
            throw Problem.of(
                            Problem.Kind.UNAVAILABLE,
                            "The control socket " + socket + " can't be made: " + Reasons.of(e)
                                    + ". Set VLLMD_HOME to a folder that you can write to.",
                            socket.toString())
                    .asException(e);
        }
    }

    private ControlServer(
            Path socket, SocketFile file, ControlSettings settings, ControlHandler handler, PeerCredentials credentials)
            throws IOException {
        this.file = file;
        this.settings = settings;
        this.handler = handler;
        this.credentials = credentials;
        this.owner = PeerCredentials.ownUser();
        server = UnixServerSocketChannel.open();
        server.socket().bind(SocketFile.address(socket), BACKLOG);
        file.restrict();
        // A close does not wake a thread that is blocked in accept(2); a selector's wake-up does.
        server.configureBlocking(false);
        selector = NativeSelectorProvider.getInstance().openSelector();
        server.register(selector, SelectionKey.OP_ACCEPT);
        acceptor = Thread.ofPlatform().name("vllmd-control").daemon().unstarted(this::acceptAll);
    }

    private void acceptAll() {
        while (!closing) {
            try {
                selector.select();
                selector.selectedKeys().clear();
                if (!closing) {
                    UnixSocketChannel channel = server.accept();
                    if (channel != null) {
                        admit(channel);
                    }
                }
            } catch (IOException e) {
                LOG.warn("A control connection can't be accepted: {}", e.getMessage());
                // What stands in the way, such as too many open files, stays for a while; without a pause this would
                // spin and fill the log.
                LockSupport.parkNanos(ACCEPT_PAUSE_NANOS);
            }
        }
    }

    private void admit(UnixSocketChannel channel) throws IOException {
        Peer peer;
        SocketStream stream;
        try {
            channel.configureBlocking(true);
            peer = credentials.of(channel.getFD());
            stream = new SocketStream(channel, settings.readTimeout());
        } catch (IOException e) {
            LOG.warn("A control connection was refused: {}", e.getMessage());
            channel.close();
            return;
        }
        if (!peer.maySteer(owner)) {
            LOG.warn("Refused a control connection of user {}, process {}", peer.uid(), peer.pid());
            refuse(
                    channel,
                    stream,
                    Problem.of(
                            Problem.Kind.INVALID,
                            "User " + peer.uid() + " may not steer this daemon; it belongs to user " + owner + "."));
            return;
        }
        if (connections.size() >= settings.maxConnections()) {
            refuse(
                    channel,
                    stream,
                    Problem.of(
                            Problem.Kind.BUSY,
                            "The daemon has " + settings.maxConnections()
                                    + " control connections already. Try again, or raise control.max-connections.",
                            "control.max-connections",
                            Integer.toString(settings.maxConnections())));
            return;
        }
        var connection = new Connection(channel, stream, peer, handler);
        connections.add(connection);
        Thread.ofPlatform().name("vllmd-control-" + peer.pid()).daemon().start(() -> {
            try {
                connection.serve();
            } finally {
                connections.remove(connection);
            }
        });
    }

    private static void refuse(UnixSocketChannel channel, SocketStream stream, Problem problem) throws IOException {
        try (channel) {
            stream.write(MessageCodec.encode(ErrorCode.answer(null, problem)));
        }
    }

    /** Stops listening, ends all connections and removes the socket. */
    @Override
    public void close() {
        closing = true;
        selector.wakeup();
        try {
            acceptor.join();
            connections.forEach(Connection::end);
            selector.close();
            server.close();
            file.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            LOG.warn("The control socket was not closed cleanly: {}", e.getMessage());
        }
    }
}
