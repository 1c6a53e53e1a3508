package io.vllmd.control;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Suggestions;
import io.vllmd.control.protocol.ErrorCode;
import io.vllmd.control.protocol.LineReader;
import io.vllmd.control.protocol.MalformedMessageException;
import io.vllmd.control.protocol.Message;
import io.vllmd.control.protocol.MessageCodec;
import io.vllmd.control.protocol.Methods;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import jnr.unixsocket.UnixSocketChannel;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection: its calls one after another, their answers and notifications. A bad line does not end it. */
final class Connection {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);
    private static final Set<String> CHANGES = Set.of(Methods.LOAD, Methods.UNLOAD, Methods.SWITCH);

    private final UnixSocketChannel channel;
    private final SocketStream stream;
    private final Peer peer;
    private final ControlHandler handler;
    private volatile @Nullable Thread thread;
    private volatile boolean gone;
    private boolean ended;

    Connection(UnixSocketChannel channel, SocketStream stream, Peer peer, ControlHandler handler) {
        this.channel = channel;
        this.stream = stream;
        this.peer = peer;
        this.handler = handler;
    }

    /** Serves until the peer goes or {@link #end} is called. */
    void serve() {
        thread = Thread.currentThread();
        try {
            var lines = new LineReader(stream);
            Optional<byte[]> line = next(lines);
            while (line.isPresent() && !gone) {
                answer(line.get());
                line = next(lines);
            }
        } catch (IOException e) {
            LOG.debug("Control connection of process {} ended: {}", peer.pid(), e.getMessage());
        } finally {
            close();
        }
    }

    /** Ends it from another thread: a read ends at once, a call that runs is interrupted. */
    synchronized void end() {
        if (ended) {
            return;
        }
        try {
            channel.shutdownInput();
        } catch (IOException e) {
            LOG.debug("Control connection of process {} was gone already: {}", peer.pid(), e.getMessage());
        }
        Thread serving = thread;
        if (serving != null) {
            serving.interrupt();
        }
    }

    /** Closes under the lock, so that {@link #end} never touches a descriptor that is somebody else's by now. */
    private synchronized void close() {
        ended = true;
        try {
            channel.close();
        } catch (IOException e) {
            LOG.debug("Control connection of process {} was not closed cleanly: {}", peer.pid(), e.getMessage());
        }
    }

    private Optional<byte[]> next(LineReader lines) throws IOException {
        try {
            return lines.next();
        } catch (LineReader.LineTooLongException e) {
            var problem = Problem.of(
                    Problem.Kind.TOO_LARGE,
                    String.valueOf(e.getMessage()),
                    "message",
                    MessageCodec.MAX_LINE + " bytes");
            send(ErrorCode.answer(null, problem));
            throw e;
        } catch (SocketStream.SlowPeerException e) {
            LOG.warn("Closed the control connection of process {}: {}", peer.pid(), e.getMessage());
            throw e;
        }
    }

    private void answer(byte[] line) {
        try {
            switch (MessageCodec.decode(line)) {
                case Message.Request request -> send(call(request));
                case Message.Notification n ->
                    LOG.debug("Ignored notification {} of process {}", n.method(), peer.pid());
                case Message.Result r -> LOG.debug("Ignored an answer to nothing of process {}", peer.pid());
                case Message.Failure f -> LOG.debug("Ignored an error about nothing of process {}", peer.pid());
            }
        } catch (MalformedMessageException e) {
            send(e.answer());
        }
    }

    private Message call(Message.Request request) {
        Object id = request.id();
        String method = request.method();
        if (!Methods.ALL.contains(method)) {
            return new Message.Failure(
                    id,
                    ErrorCode.METHOD_NOT_FOUND.code(),
                    "There is no method \"" + method + "\"" + Suggestions.didYouMean(method, Methods.ALL) + " Methods: "
                            + String.join(", ", Methods.ALL) + ".",
                    Map.of());
        }
        if (CHANGES.contains(method)) {
            LOG.info("{} {} asked for by user {}, process {}", method, request.params(), peer.uid(), peer.pid());
        }
        try {
            var result = handler.handle(method, request.params(), this::report, peer);
            return new Message.Result(id, result);
        } catch (ProblemException e) {
            return refused(id, method, e);
        } catch (InterruptedException e) {
            return ErrorCode.answer(id, Problem.of(Problem.Kind.UNAVAILABLE, "The daemon is stopping."));
        } catch (RuntimeException e) {
            LOG.error("{} failed", method, e);
            return ErrorCode.answer(
                    id,
                    Problem.of(Problem.Kind.INTERNAL, method + " failed inside the daemon; its log has the reason."));
        }
    }

    private Message refused(Object id, String method, ProblemException e) {
        if (CHANGES.contains(method)) {
            LOG.info("{} for process {} refused: {}", method, peer.pid(), e.getMessage());
        }
        if (e.problem().kind() == Problem.Kind.INTERNAL) {
            LOG.error("{} failed", method, e);
        }
        return ErrorCode.answer(id, e.problem());
    }

    private void report(String method, Map<String, Object> params) {
        send(new Message.Notification(method, params));
    }

    /** Sends, unless the peer has left; what it asked for goes on without it. */
    private void send(Message message) {
        byte[] line = MessageCodec.encode(message);
        synchronized (stream) {
            if (gone) {
                return;
            }
            try {
                stream.write(line);
            } catch (IOException e) {
                gone = true;
                LOG.debug("Process {} no longer listens: {}", peer.pid(), e.getMessage());
            }
        }
    }
}
