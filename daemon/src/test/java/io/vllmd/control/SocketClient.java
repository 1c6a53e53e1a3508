package io.vllmd.control;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.control.protocol.LineReader;
import io.vllmd.control.protocol.MalformedMessageException;
import io.vllmd.control.protocol.Message;
import io.vllmd.control.protocol.MessageCodec;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** The other end of the control socket, as a foreign program would write it. */
final class SocketClient implements AutoCloseable {
    private final SocketChannel channel;
    private final LineReader lines;

    SocketClient(Path socket) throws IOException {
        channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        lines = new LineReader(Channels.newInputStream(channel));
    }

    /** Binds a socket and leaves its file behind, as a daemon does that is killed. */
    static void leaveStale(Path socket) throws IOException {
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
        }
    }

    void send(Message message) throws IOException {
        write(MessageCodec.encode(message));
    }

    void write(String text) throws IOException {
        write(text.getBytes(UTF_8));
    }

    void write(byte[] bytes) throws IOException {
        var buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    Message receive() throws IOException, MalformedMessageException {
        return MessageCodec.decode(lines.next().orElseThrow(EOFException::new));
    }

    boolean isAtEnd() throws IOException {
        return lines.next().isEmpty();
    }

    void shutdownOutput() throws IOException {
        channel.shutdownOutput();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
