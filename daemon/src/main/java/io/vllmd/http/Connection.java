package io.vllmd.http;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpUtil;
import io.vllmd.config.Problem;
import io.vllmd.config.ServerSettings;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client's connection: answers its requests one after the other, in order. All methods run on its event loop.
 *
 * <p>Reading never pauses, because a connection that is not read does not tell that the client has gone; requests that
 * come ahead of their turn wait in a short queue.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a channel tells its failures to exceptionCaught and channelInactive
final class Connection extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    private static final int MAX_WAITING = 8;
    private static final Duration IDLE = Duration.ofMinutes(2);

    /** Time for a client to take a refusal before the connection is cut under what it still sends. */
    private static final Duration LINGER = Duration.ofSeconds(5);

    private final Dispatcher dispatcher;
    private final Connections connections;
    private final ReadDeadline deadline;
    private final int maxWaitingBytes;
    private final Duration writeStall;
    private final boolean full;

    private final Queue<Incoming> waiting = new ArrayDeque<>();
    private int waitingBytes;
    private @Nullable NettyExchange current;
    private @Nullable Future<?> idle;
    private boolean closing;

    /** A connection; {@code full} where it is one too many and gets nothing but to hear so. */
    Connection(
            Dispatcher dispatcher,
            Connections connections,
            ReadDeadline deadline,
            ServerSettings settings,
            boolean full) {
        this.dispatcher = dispatcher;
        this.connections = connections;
        this.deadline = deadline;
        this.maxWaitingBytes = settings.maxBodySize();
        this.writeStall = settings.writeStallTimeout();
        this.full = full;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        awaitRequest(ctx);
        ctx.fireChannelActive();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        var incoming = (Incoming) message;
        if (closing) {
            return;
        }
        if (current == null) {
            begin(ctx, incoming);
            return;
        }
        if (waiting.size() >= MAX_WAITING || waitingBytes + (long) incoming.size() > maxWaitingBytes) {
            // What was sent before is still answered; then the client sees the connection end.
            deadline.discard();
            closing = true;
            return;
        }
        waitingBytes += incoming.size();
        waiting.add(incoming);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            // A client that hung up and one that only closed its sending side look the same. Quick answers are
            // still written; whoever asked to hear of disconnects, as generation does, hears of one now.
            if (current == null) {
                ctx.close();
            } else {
                current.inputClosed();
            }
        }
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (current != null) {
            current.writable();
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        closing = true;
        waiting.clear();
        stopIdle();
        NettyExchange exchange = current;
        if (exchange != null) {
            current = null;
            exchange.gone();
            end(exchange);
        }
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof IOException) {
            LOG.debug("A connection broke: {}", cause.getMessage());
        } else {
            LOG.error("A connection failed", cause);
        }
        ctx.close();
    }

    /** Answers the current request whole. */
    void answer(ChannelHandlerContext ctx, NettyExchange exchange, FullHttpResponse response) {
        if (current == exchange) {
            finish(ctx, exchange, ctx.writeAndFlush(response));
        } else {
            response.release();
        }
    }

    /** The last part of the current answer was written, with this future. */
    void finish(ChannelHandlerContext ctx, NettyExchange exchange, ChannelFuture last) {
        current = null;
        boolean inputOpen = !inputShutdown(ctx);
        boolean noneFollows = waiting.isEmpty() && (closing || !inputOpen);
        boolean close = noneFollows || !exchange.keepAlive() || connections.draining();
        last.addListener(written -> {
            end(exchange);
            if (close) {
                close(ctx, inputOpen);
            }
        });
        if (!last.isDone()) {
            closeIfStalled(ctx, last);
        }
        if (close) {
            closing = true;
            waiting.clear();
            return;
        }
        Incoming next = waiting.poll();
        if (next == null) {
            awaitRequest(ctx);
        } else {
            waitingBytes -= next.size();
            begin(ctx, next);
        }
    }

    /** Closes a connection on which nothing is being answered; what runs is told by {@link Connections#draining}. */
    void closeIfIdle(ChannelHandlerContext ctx) {
        if (current == null && !closing) {
            ctx.close();
        }
    }

    private void begin(ChannelHandlerContext ctx, Incoming incoming) {
        stopIdle();
        boolean keepAlive = incoming instanceof Incoming.Complete && HttpUtil.isKeepAlive(incoming.head()) && !full;
        var exchange = dispatcher.exchange(this, ctx, incoming, keepAlive);
        current = exchange;
        connections.began();
        if (inputShutdown(ctx)) {
            exchange.inputClosed();
        }
        if (full) {
            dispatcher.refuse(
                    exchange,
                    503,
                    unavailable(
                            "All connections of this server are in use (server.max-connections); try again shortly."));
        } else if (connections.draining()) {
            dispatcher.refuse(exchange, 503, unavailable("The server is stopping."));
        } else {
            switch (incoming) {
                case Incoming.Refused refused -> dispatcher.refuse(exchange, refused.status(), refused.problem());
                case Incoming.Complete complete -> dispatcher.run(exchange);
            }
        }
    }

    private void end(NettyExchange exchange) {
        if (exchange.markEnded()) {
            connections.ended();
        }
    }

    private void close(ChannelHandlerContext ctx, boolean inputOpen) {
        if (!inputOpen || !(ctx.channel() instanceof DuplexChannel duplex)) {
            ctx.close();
            return;
        }
        // Closing over unread bytes makes the system reset the connection, which can take the answer away from a
        // client that is still sending. So only our side ends; the rest is thrown away for a while.
        deadline.discard();
        duplex.shutdownOutput();
        ctx.executor().schedule(() -> ctx.close(), LINGER.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void closeIfStalled(ChannelHandlerContext ctx, ChannelFuture last) {
        Future<?> stall = ctx.executor().schedule(() -> ctx.close(), writeStall.toMillis(), TimeUnit.MILLISECONDS);
        last.addListener(written -> stall.cancel(false));
    }

    private void awaitRequest(ChannelHandlerContext ctx) {
        stopIdle();
        idle = ctx.executor().schedule(() -> closeIfIdle(ctx), IDLE.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void stopIdle() {
        if (idle != null) {
            idle.cancel(false);
            idle = null;
        }
    }

    private static boolean inputShutdown(ChannelHandlerContext ctx) {
        return ctx.channel() instanceof DuplexChannel duplex && duplex.isInputShutdown();
    }

    private static Problem unavailable(String message) {
        return Problem.of(Problem.Kind.UNAVAILABLE, message);
    }
}
