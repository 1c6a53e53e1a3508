package io.vllmd.http;

import io.netty.channel.Channel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;

/** A client's connection on which others than its event loop may write, while the loop has nothing to write. */
final class ClientChannel extends NioSocketChannel {

    private ClientChannel(Channel parent, SocketChannel socket) {
        super(parent, socket);
    }

    /**
     * Writes as much as the socket takes now, from any thread.
     *
     * @return how many bytes it took
     */
    int writeNow(ByteBuffer bytes) throws IOException {
        return javaChannel().write(bytes);
    }

    /** Listens for such connections. */
    static final class Listener extends NioServerSocketChannel {
        @Override
        protected int doReadMessages(List<Object> accepted) throws Exception {
            SocketChannel socket = javaChannel().accept();
            if (socket == null) {
                return 0;
            }
            try {
                accepted.add(new ClientChannel(this, socket));
                return 1;
            } catch (RuntimeException | Error e) {
                socket.close();
                throw e;
            }
        }
    }
}
