package io.vllmd.http;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioIoHandler;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.vllmd.api.Api;
import io.vllmd.config.Problem;
import io.vllmd.config.ServerSettings;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Serves APIs over HTTP/1.1. */
@SuppressWarnings("FutureReturnValueIgnored") // a channel tells its failures to exceptionCaught and channelInactive
public final class HttpServer {
    /** One writes 400,000 events a second; a second one only adds wake-ups, a third of an event's cost (SseCost). */
    private static final int EVENT_LOOPS = 1;

    private static final int BACKLOG = 1024;

    /** So many connections above the limit hear that they are too many; further ones are closed unheard. */
    private static final int POLITE = 64;

    private static final WriteBufferWaterMark WATER_MARKS = new WriteBufferWaterMark(32 << 10, 64 << 10);

    private final EventLoopGroup loops;
    private final Connections connections;
    private final Channel listener;
    private final AtomicBoolean stopping = new AtomicBoolean();

    private HttpServer(EventLoopGroup loops, Connections connections, Channel listener) {
        this.loops = loops;
        this.connections = connections;
        this.listener = listener;
    }

    /**
     * Listens and serves; the first API's shape also tells what belongs to none.
     *
     * @throws io.vllmd.config.ProblemException CONFLICT where the port is taken, INVALID where the address is none of
     *     this machine
     */
    public static HttpServer start(ServerSettings settings, List<Api> apis) {
        var address = new InetSocketAddress(settings.host(), settings.port());
        if (address.isUnresolved()) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "The host %s has no address; set server.host to one of this machine, such as 127.0.0.1."
                                    .formatted(settings.host()),
                            "server.host")
                    .asException();
        }
        var connections = new Connections();
        var loops = new MultiThreadIoEventLoopGroup(
                EVENT_LOOPS, new DefaultThreadFactory("http", true), NioIoHandler.newFactory());
        InetAddress host = address.getAddress();
        var origins = new Origins(settings.corsOrigins(), settings.host(), host.isLoopbackAddress());
        var dispatcher =
                new Dispatcher(new Router(apis), origins, apis.getFirst().errors(), settings);
        var bound = new ServerBootstrap()
                .group(loops)
                .channelFactory(ClientChannel.Listener::new)
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARKS)
                .childHandler(new Initializer(settings, connections, dispatcher))
                .bind(address)
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            loops.shutdownGracefully(0, 0, TimeUnit.SECONDS);
            throw Problem.of(
                            Problem.Kind.CONFLICT,
                            "Cannot listen on %s port %d: %s. Free that port or choose another (--port, server.port); the address must be one of this machine (--host, server.host)."
                                    .formatted(
                                            settings.host(),
                                            settings.port(),
                                            bound.cause().getMessage()),
                            "server.port")
                    .asException(bound.cause());
        }
        return new HttpServer(loops, connections, bound.channel());
    }

    /** The address that it listens on, with the port that was found where 0 was asked for. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.localAddress();
    }

    public int port() {
        return address().getPort();
    }

    /**
     * Stops: takes no more connections or requests, lets what runs finish for so long, then cuts it off. Called again,
     * it waits for the first call's end.
     *
     * @return whether everything finished in time
     */
    public boolean close(Duration grace) throws InterruptedException {
        if (!stopping.compareAndSet(false, true)) {
            loops.terminationFuture().sync();
            return true;
        }
        listener.close().sync();
        connections.drain();
        for (Channel channel : connections.open()) {
            channel.eventLoop().execute(() -> closeIfIdle(channel));
        }
        boolean quiet = connections.awaitQuiet(grace);
        for (Channel channel : connections.open()) {
            channel.close();
        }
        loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).sync();
        return quiet;
    }

    private static void closeIfIdle(Channel channel) {
        var context = channel.pipeline().context(Connection.class);
        if (context != null) {
            ((Connection) context.handler()).closeIfIdle(context);
        }
    }

    private static final class Initializer extends ChannelInitializer<Channel> {
        private final ServerSettings settings;
        private final Connections connections;
        private final Dispatcher dispatcher;
        private final BodyBudget budget;

        Initializer(ServerSettings settings, Connections connections, Dispatcher dispatcher) {
            this.settings = settings;
            this.connections = connections;
            this.dispatcher = dispatcher;
            this.budget = new BodyBudget(2L * settings.maxBodySize());
        }

        @Override
        protected void initChannel(Channel channel) {
            int open = connections.add(channel);
            if (open > settings.maxConnections() + POLITE || connections.draining()) {
                channel.close();
                return;
            }
            var deadline = new ReadDeadline(settings.headerTimeout(), settings.bodyTimeout());
            var decoder = new HttpDecoderConfig()
                    .setMaxInitialLineLength(settings.maxHeaderSize())
                    .setMaxHeaderSize(settings.maxHeaderSize());
            channel.pipeline()
                    .addLast(deadline)
                    .addLast(new HttpServerCodec(decoder))
                    .addLast(new RequestReader(settings.maxBodySize(), budget, deadline))
                    .addLast(new Connection(
                            dispatcher, connections, deadline, settings, open > settings.maxConnections()));
        }
    }
}
