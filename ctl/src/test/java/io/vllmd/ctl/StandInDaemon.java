package io.vllmd.ctl;

import io.vllmd.control.protocol.LineReader;
import io.vllmd.control.protocol.MalformedMessageException;
import io.vllmd.control.protocol.Message;
import io.vllmd.control.protocol.MessageCodec;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.Reports;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The far edge of the control socket: answers calls with what a test laid out, and keeps what it was asked. */
final class StandInDaemon implements AutoCloseable {
    private final ServerSocketChannel server;
    private final Thread acceptor;
    private final Map<String, Function<Message.Request, List<Message>>> answers = new LinkedHashMap<>();
    final List<Message.Request> asked = Collections.synchronizedList(new ArrayList<>());

    StandInDaemon(Path socket, int protocol) throws IOException {
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        answer(Methods.VERSION, new Reports.Version("9.8.7", protocol, "0.32.4", 42).tree());
        acceptor = Thread.ofVirtual().start(this::accept);
    }

    void answer(String method, Map<String, Object> result) {
        answers.put(method, request -> List.of(new Message.Result(request.id(), result)));
    }

    void fail(String method, int code, String message, Map<String, Object> data) {
        answers.put(method, request -> List.of(new Message.Failure(request.id(), code, message, data)));
    }

    void script(String method, Function<Message.Request, List<Message>> script) {
        answers.put(method, script);
    }

    private void accept() {
        while (server.isOpen()) {
            try {
                SocketChannel client = server.accept();
                Thread.ofVirtual().start(() -> serve(client));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(SocketChannel client) {
        try (client) {
            var lines = new LineReader(Channels.newInputStream(client));
            for (Optional<byte[]> line = lines.next(); line.isPresent(); line = lines.next()) {
                var request = (Message.Request) MessageCodec.decode(line.get());
                asked.add(request);
                var script = answers.get(request.method());
                if (script == null) {
                    return;
                }
                for (Message message : script.apply(request)) {
                    client.write(ByteBuffer.wrap(MessageCodec.encode(message)));
                }
            }
        } catch (IOException | MalformedMessageException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Once it returns nothing listens any more: until the acceptor has left, the kernel still takes connections. */
    @Override
    public void close() throws IOException {
        server.close();
        try {
            acceptor.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
