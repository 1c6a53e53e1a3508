package io.vllmd.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.vllmd.api.Exchange;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A request on a {@link Connection} and its answer. What {@link Exchange} declares belongs to the request's virtual
 * thread, the rest to the event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a channel tells its failures to exceptionCaught and channelInactive
final class NettyExchange implements Exchange {
    private final Connection connection;
    private final ChannelHandlerContext ctx;
    private final Incoming incoming;
    private final Target target;
    private final String id;
    private final Map<String, String> commonHeaders;
    private final SseStream.Times times;
    private final boolean keepAlive;
    private final AtomicBoolean ended = new AtomicBoolean();

    private final Object state = new Object();
    private final List<Runnable> onDisconnect = new ArrayList<>();
    private boolean gone;
    private boolean inputClosed;
    private volatile int status;
    private volatile @Nullable SseStream stream;

    /**
     * An exchange to be answered on this connection.
     *
     * @param commonHeaders go out with whatever answer
     * @param keepAlive whether the client wants to use the connection again
     */
    NettyExchange(
            Connection connection,
            ChannelHandlerContext ctx,
            Incoming incoming,
            String id,
            Map<String, String> commonHeaders,
            SseStream.Times times,
            boolean keepAlive) {
        this.connection = connection;
        this.ctx = ctx;
        this.incoming = incoming;
        this.target = Target.parse(incoming.head().uri());
        this.id = id;
        this.commonHeaders = commonHeaders;
        this.times = times;
        this.keepAlive = keepAlive;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public String method() {
        return incoming.head().method().name();
    }

    @Override
    public String path() {
        return target.path();
    }

    @Override
    public String query() {
        return target.query();
    }

    @Override
    public String header(String name) {
        return incoming.headers().get(name, "");
    }

    @Override
    public byte[] body() {
        return incoming instanceof Incoming.Complete complete ? complete.body() : new byte[0];
    }

    Target target() {
        return target;
    }

    boolean http10() {
        return incoming.head().protocolVersion().compareTo(HttpVersion.HTTP_1_1) < 0;
    }

    /** Whether the connection can be used again; an old client learns the end of a stream by the connection's. */
    boolean keepAlive() {
        return keepAlive && !(stream != null && http10());
    }

    /** The status of the answer, 0 before it has begun. */
    int status() {
        return status;
    }

    @Override
    public void respond(int status, Map<String, String> headers, byte[] body) {
        refuseSecondAnswer();
        var response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), Unpooled.wrappedBuffer(body));
        addHeaders(response, headers);
        if (status != 204) {
            response.headers().set(HttpHeaderNames.CONTENT_LENGTH, body.length);
        }
        synchronized (state) {
            refuseGone();
            this.status = status;
            // Under the lock: a channel that is not gone yet has an event loop that still takes work.
            ctx.executor().execute(() -> connection.answer(ctx, this, response));
        }
    }

    @Override
    public EventStream stream(Map<String, String> headers) {
        refuseSecondAnswer();
        var response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, "text/event-stream; charset=utf-8")
                .set(HttpHeaderNames.CACHE_CONTROL, "no-cache");
        var events = new SseStream(ctx, framing(), times, last -> connection.finish(ctx, this, last));
        stream = events;
        if (!http10()) {
            HttpUtil.setTransferEncodingChunked(response, true);
        }
        addHeaders(response, headers);
        synchronized (state) {
            refuseGone();
            status = 200;
            events.start(response);
        }
        return events;
    }

    @Override
    public void onDisconnect(Runnable action) {
        synchronized (state) {
            if (!gone && !inputClosed) {
                onDisconnect.add(action);
                return;
            }
        }
        gone();
        ctx.close();
        action.run();
    }

    /** The client ended its side of the connection: gone for whoever asked to hear of it. */
    void inputClosed() {
        synchronized (state) {
            inputClosed = true;
            if (onDisconnect.isEmpty()) {
                return;
            }
        }
        gone();
        ctx.close();
    }

    /** The connection is no more. */
    void gone() {
        List<Runnable> actions;
        synchronized (state) {
            gone = true;
            actions = List.copyOf(onDisconnect);
            onDisconnect.clear();
        }
        SseStream events = stream;
        if (events != null) {
            events.gone();
        }
        // Not on the event loop: nobody promised that these are quick.
        actions.forEach(Thread::startVirtualThread);
    }

    void writable() {
        SseStream events = stream;
        if (events != null) {
            events.writable();
        }
    }

    /** Cuts the connection: the only way to tell a client that a stream which has begun is broken. */
    void abort() {
        ctx.close();
    }

    /** True the first time. */
    boolean markEnded() {
        return ended.compareAndSet(false, true);
    }

    private ChunkBuffer.Framing framing() {
        if (method().equals("HEAD")) {
            return ChunkBuffer.Framing.NO_BODY;
        }
        return http10() ? ChunkBuffer.Framing.UNTIL_CLOSE : ChunkBuffer.Framing.CHUNKED;
    }

    private void refuseSecondAnswer() {
        if (status != 0) {
            throw new IllegalStateException("request " + id + " is answered already, with " + status);
        }
    }

    private void refuseGone() {
        if (gone) {
            throw new ClientGoneException("the client of request " + id + " closed the connection");
        }
    }

    private void addHeaders(HttpResponse response, Map<String, String> headers) {
        headers.forEach(response.headers()::set);
        commonHeaders.forEach(response.headers()::set);
        if (!keepAlive()) {
            response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        } else if (http10()) {
            response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
        }
    }
}
