package io.vllmd.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.ReferenceCountUtil;
import io.vllmd.config.Problem;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Puts a connection's requests together, body included, within their limits.
 *
 * <p>Netty's own aggregator would answer a body that is too large by itself, in the middle of an earlier answer where
 * requests are pipelined; here a refusal takes its place in the queue of answers.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a channel tells its failures to exceptionCaught and channelInactive
final class RequestReader extends ChannelInboundHandlerAdapter {
    private static final HttpRequest UNREADABLE = new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");

    private final int maxBody;
    private final BodyBudget budget;
    private final ReadDeadline deadline;

    private @Nullable HttpRequest head;
    private byte[] body = new byte[0];
    private int length;
    private boolean refused;

    RequestReader(int maxBody, BodyBudget budget, ReadDeadline deadline) {
        this.maxBody = maxBody;
        this.budget = budget;
        this.deadline = deadline;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        try {
            if (!refused && message instanceof HttpRequest request) {
                begin(ctx, request);
            }
            if (!refused && message instanceof HttpContent content) {
                append(ctx, content);
            }
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ReadDeadline.Expired expired && !refused) {
            refuse(
                    ctx,
                    408,
                    Problem.Kind.INVALID,
                    "The request's %s did not come within %s.".formatted(expired.part(), expired.limit()));
        }
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        dropBody();
        ctx.fireChannelInactive();
    }

    private void begin(ChannelHandlerContext ctx, HttpRequest request) {
        head = request;
        if (request.decoderResult().isFailure()) {
            refuseUnreadable(ctx, request.decoderResult().cause());
            return;
        }
        if (request.headers().contains(HttpHeaderNames.CONTENT_ENCODING)) {
            refuse(
                    ctx,
                    415,
                    Problem.Kind.UNSUPPORTED,
                    "A body with Content-Encoding is not taken; send it as it is, without compression.");
            return;
        }
        long declared = HttpUtil.getContentLength(request, -1L);
        if (declared > maxBody) {
            refuseTooLarge(ctx);
            return;
        }
        deadline.bodyBegins();
        if (HttpUtil.is100ContinueExpected(request)) {
            ctx.writeAndFlush(new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, Unpooled.EMPTY_BUFFER));
        }
    }

    private void append(ChannelHandlerContext ctx, HttpContent content) {
        if (head == null) {
            return;
        }
        if (content.decoderResult().isFailure()) {
            refuseUnreadable(ctx, content.decoderResult().cause());
            return;
        }
        ByteBuf bytes = content.content();
        int more = bytes.readableBytes();
        if (more > maxBody - length) {
            refuseTooLarge(ctx);
            return;
        }
        if (more > 0) {
            if (!reserve(length + more)) {
                refuse(
                        ctx,
                        503,
                        Problem.Kind.UNAVAILABLE,
                        "Too many large requests are being read at once; try again shortly.");
                return;
            }
            bytes.readBytes(body, length, more);
            length += more;
            deadline.bodyGrew(length);
        }
        if (content instanceof LastHttpContent) {
            var complete = new Incoming.Complete(head, length == body.length ? body : Arrays.copyOf(body, length));
            dropBody();
            head = null;
            deadline.requestComplete();
            ctx.fireChannelRead(complete);
        }
    }

    /** Grows the buffer by doubling; a declared length is not believed until its bytes come. */
    private boolean reserve(int wanted) {
        if (wanted <= body.length) {
            return true;
        }
        int capacity = (int) Math.min(maxBody, Math.max(wanted, 2L * body.length));
        if (!budget.take(capacity - body.length)) {
            return false;
        }
        body = Arrays.copyOf(body, capacity);
        return true;
    }

    private void dropBody() {
        budget.giveBack(body.length);
        body = new byte[0];
        length = 0;
    }

    private void refuseUnreadable(ChannelHandlerContext ctx, Throwable cause) {
        switch (cause) {
            case TooLongHttpHeaderException e ->
                refuse(ctx, 431, Problem.Kind.TOO_LARGE, "The request's headers are larger than this server takes.");
            case TooLongHttpLineException e ->
                refuse(ctx, 414, Problem.Kind.TOO_LARGE, "The request's first line is longer than this server takes.");
            default -> refuse(ctx, 400, Problem.Kind.INVALID, "This is not an HTTP request that can be read.");
        }
    }

    private void refuseTooLarge(ChannelHandlerContext ctx) {
        refuse(
                ctx,
                413,
                Problem.Kind.TOO_LARGE,
                "The request's body is larger than %,d bytes, the most that this server takes (server.max-body-size)."
                        .formatted(maxBody));
    }

    private void refuse(ChannelHandlerContext ctx, int status, Problem.Kind kind, String message) {
        refused = true;
        dropBody();
        deadline.stop();
        var request = head == null || head.decoderResult().isFailure() ? UNREADABLE : head;
        ctx.fireChannelRead(new Incoming.Refused(request, status, Problem.of(kind, message)));
    }
}
