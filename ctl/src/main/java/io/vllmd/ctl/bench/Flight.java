package io.vllmd.ctl.bench;

import io.vllmd.ctl.bench.ResponseReader.MalformedException;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A request on its way, on a connection of its own. Belongs to the driver's thread. */
final class Flight {
    private static final Pattern MESSAGE =
            Pattern.compile("\"(?:message|detail|error)\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");

    private final long sent = System.nanoTime();
    private final EventLog log;
    private final ResponseReader response;
    private final ByteBuffer unsent;
    private final Request.Kind kind;
    private @Nullable SocketChannel channel;
    private long lastByte = sent;
    private long ended;
    private @Nullable Failure failure;

    Flight(Request request, int roomBytes, Selector selector) {
        log = new EventLog(roomBytes, request.kind() == Request.Kind.STREAM_TEXT);
        response = new ResponseReader(log);
        unsent = ByteBuffer.wrap(request.bytes());
        kind = request.kind();
        try {
            SocketChannel socket = SocketChannel.open();
            channel = socket;
            socket.configureBlocking(false);
            boolean connected = socket.connect(request.address());
            socket.register(selector, connected ? SelectionKey.OP_WRITE : SelectionKey.OP_CONNECT, this);
        } catch (IOException | UnresolvedAddressException e) {
            fail(new Failure(Failure.Kind.UNREACHABLE, "no connection: " + e.getMessage()));
        }
    }

    boolean over() {
        return ended != 0;
    }

    int events() {
        return log.events();
    }

    long lastByte() {
        return lastByte;
    }

    /** Does what the connection is ready for. */
    void ready(SelectionKey key, byte[] buffer) {
        if (over() || channel == null) {
            return;
        }
        try {
            if (key.isConnectable()) {
                channel.finishConnect();
                key.interestOps(SelectionKey.OP_WRITE);
            } else if (key.isWritable()) {
                channel.write(unsent);
                if (!unsent.hasRemaining()) {
                    key.interestOps(SelectionKey.OP_READ);
                }
            } else {
                read(channel, buffer);
            }
        } catch (ConnectException e) {
            fail(new Failure(Failure.Kind.UNREACHABLE, "nobody listens: " + e.getMessage()));
        } catch (IOException e) {
            fail(new Failure(Failure.Kind.BROKEN, "the connection broke: " + e.getMessage()));
        } catch (MalformedException e) {
            fail(new Failure(Failure.Kind.BROKEN, String.valueOf(e.getMessage())));
        }
    }

    private void read(SocketChannel socket, byte[] buffer) throws IOException, MalformedException {
        int count = socket.read(ByteBuffer.wrap(buffer));
        lastByte = System.nanoTime();
        log.now(lastByte);
        if (count < 0) {
            if (response.closed()) {
                end();
            } else {
                fail(new Failure(Failure.Kind.BROKEN, "the connection ended before the answer did"));
            }
            return;
        }
        response.read(buffer, 0, count);
        if (response.done()) {
            end();
        }
    }

    void fail(Failure why) {
        failure = why;
        end();
    }

    private void end() {
        ended = System.nanoTime();
        if (channel == null) {
            return;
        }
        try {
            channel.close();
        } catch (IOException e) {
            failure = failure != null
                    ? failure
                    : new Failure(Failure.Kind.BROKEN, "the connection would not close: " + e.getMessage());
        }
    }

    /** What came of it, once it is over. */
    Answer answer() {
        int status = response.status();
        if (failure == null && status != 200) {
            return log.whole(sent, ended, new Failure(Failure.Kind.REFUSED, status + ": " + reason(log.body())));
        }
        return kind == Request.Kind.WHOLE ? log.whole(sent, ended, failure) : log.answer(sent, ended, failure);
    }

    /** The message of an error body, whatever its shape, or its beginning. */
    private static String reason(String body) {
        Matcher message = MESSAGE.matcher(body);
        String text = message.find() ? message.group(1) : body.strip();
        return text.length() > 300 ? text.substring(0, 300) + "…" : text;
    }
}
