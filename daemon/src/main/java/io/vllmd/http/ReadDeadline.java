package io.vllmd.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Bounds the time that a client takes to send a request. Stands before the HTTP decoder, because it is the first byte
 * of a head that starts the clock, and the decoder tells of a head only when it is whole.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a channel tells its failures to exceptionCaught and channelInactive
final class ReadDeadline extends ChannelInboundHandlerAdapter {
    /** A body slower than this is a way to hold a connection, not a slow line. */
    private static final long SLOWEST_BYTES_PER_SECOND = 64 << 10;

    private final Duration headTime;
    private final Duration bodyTime;

    private @Nullable ChannelHandlerContext context;
    private @Nullable Future<?> timer;
    private boolean betweenRequests = true;
    private boolean discarding;
    private long bodyStart;

    /** Fired where a part of a request did not come in time. */
    record Expired(String part, Duration limit) {}

    ReadDeadline(Duration headTime, Duration bodyTime) {
        this.headTime = headTime;
        this.bodyTime = bodyTime;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        context = ctx;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (discarding) {
            ReferenceCountUtil.release(message);
            return;
        }
        if (betweenRequests && message instanceof ByteBuf) {
            betweenRequests = false;
            start(headTime, new Expired("headers", headTime));
        }
        ctx.fireChannelRead(message);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        stop();
        ctx.fireChannelInactive();
    }

    void bodyBegins() {
        bodyStart = System.nanoTime();
        bodyGrew(0);
    }

    void bodyGrew(int length) {
        var allowed = bodyTime.plusMillis(length * 1000L / SLOWEST_BYTES_PER_SECOND);
        start(allowed.minusNanos(System.nanoTime() - bodyStart), new Expired("body", allowed));
    }

    void requestComplete() {
        stop();
        betweenRequests = true;
    }

    void stop() {
        if (timer != null) {
            timer.cancel(false);
            timer = null;
        }
    }

    /** From now on what comes is thrown away unread. */
    void discard() {
        stop();
        discarding = true;
    }

    private void start(Duration time, Expired event) {
        stop();
        ChannelHandlerContext ctx = context;
        if (ctx != null) {
            timer = ctx.executor()
                    .schedule(() -> ctx.fireUserEventTriggered(event), time.toNanos(), TimeUnit.NANOSECONDS);
        }
    }
}
