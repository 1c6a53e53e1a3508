package io.vllmd.control;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import jnr.constants.platform.Errno;
import jnr.enxio.channels.NativeException;
import jnr.unixsocket.UnixSocketChannel;
import jnr.unixsocket.UnixSocketOptions;

/**
 * Reads and writes a connection under a time limit. Between messages it waits as long as the peer likes; once a
 * message has begun, the rest must follow in time, and so must the peer's reading.
 */
final class SocketStream extends InputStream {
    private final UnixSocketChannel channel;
    private final long limitNanos;
    private boolean insideMessage;
    private long begun;

    SocketStream(UnixSocketChannel channel, Duration limit) throws IOException {
        this.channel = channel;
        this.limitNanos = limit.toNanos();
        int millis = (int) limit.toMillis();
        channel.setOption(UnixSocketOptions.SO_RCVTIMEO, millis);
        channel.setOption(UnixSocketOptions.SO_SNDTIMEO, millis);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, into.length);
        while (true) {
            int read = transfer(() -> channel.read(ByteBuffer.wrap(into, offset, length)));
            if (insideMessage && System.nanoTime() - begun > limitNanos) {
                throw new SlowPeerException("a message did not come whole in time");
            }
            if (read > 0 && !insideMessage) {
                begun = System.nanoTime();
            }
            if (read > 0) {
                insideMessage = into[offset + read - 1] != '\n';
            }
            if (read != 0) {
                return read;
            }
        }
    }

    /** Writes all, or fails where the peer does not read. */
    void write(byte[] bytes) throws IOException {
        var buffer = ByteBuffer.wrap(bytes);
        long start = System.nanoTime();
        while (buffer.hasRemaining()) {
            int written = transfer(() -> channel.write(buffer));
            if (written == 0 && System.nanoTime() - start > limitNanos) {
                throw new SlowPeerException("the peer does not read");
            }
        }
    }

    /** A peer that began and does not go on. */
    static final class SlowPeerException extends IOException {
        private static final long serialVersionUID = 1L;

        SlowPeerException(String message) {
            super(message);
        }
    }

    private interface Transfer {
        int run() throws IOException;
    }

    /** Bytes moved; 0 where time ran out or a signal came between. */
    private static int transfer(Transfer transfer) throws IOException {
        try {
            return transfer.run();
        } catch (NativeException e) {
            if (e.getErrno() == Errno.EINTR) {
                return 0;
            }
            throw e;
        }
    }
}
