package io.vllmd.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.vllmd.api.Exchange.ClientGoneException;
import io.vllmd.api.Exchange.EventStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A stream of events. The producer appends to a buffer and wakes the event loop once; what comes until the loop gets to
 * it goes out in the same write. Buffer and channel are bounded, so a client that reads slowly parks its own producer
 * and nobody else's.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a channel tells its failures to exceptionCaught and channelInactive
final class SseStream implements EventStream {
    /** Bytes that wait for the event loop before the producer does. */
    private static final int HIGH = 32 << 10;

    private static final byte[] DATA = "data: ".getBytes(UTF_8);
    private static final byte[] EVENT = "event: ".getBytes(UTF_8);

    private final ChannelHandlerContext ctx;
    private final Times times;
    private final Consumer<ChannelFuture> whenFinished;
    private final Runnable flush = this::flush;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();
    private byte[] pending = new byte[1024];
    private int length;
    private @Nullable HttpResponse head;
    private boolean flushing;
    private boolean closed;
    private boolean gone;
    private long lastWrite = System.nanoTime();

    /**
     * How long things may take.
     *
     * @param silence after so long without an event a comment goes out
     * @param writeStall a client that takes nothing for so long is cut off
     */
    record Times(Duration silence, Duration writeStall) {}

    /** A stream on this channel; {@code whenFinished} gets its last write, on the event loop. */
    SseStream(ChannelHandlerContext ctx, Times times, Consumer<ChannelFuture> whenFinished) {
        this.ctx = ctx;
        this.times = times;
        this.whenFinished = whenFinished;
    }

    void start(HttpResponse response) {
        lock.lock();
        try {
            head = response;
            wakeLoop();
        } finally {
            lock.unlock();
        }
        watchSilence(times.silence().toNanos());
    }

    @Override
    public void send(String event, byte[] data) {
        lock.lock();
        try {
            awaitRoom();
            if (!event.isEmpty()) {
                append(EVENT);
                append(event.getBytes(UTF_8));
                append('\n');
            }
            append(DATA);
            appendData(data);
            append('\n');
            append('\n');
            wakeLoop();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void comment(String text) {
        lock.lock();
        try {
            awaitRoom();
            appendComment(text);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            if (!closed && !gone) {
                closed = true;
                wakeLoop();
            }
        } finally {
            lock.unlock();
        }
    }

    /** The channel takes bytes again. */
    void writable() {
        lock.lock();
        try {
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** The client went away: the producer hears it at once, or at its next event. */
    void gone() {
        lock.lock();
        try {
            gone = true;
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void awaitRoom() {
        if (closed) {
            throw new IllegalStateException("this stream of events is closed");
        }
        long left = times.writeStall().toNanos();
        while (!gone && (length >= HIGH || !ctx.channel().isWritable())) {
            if (left <= 0) {
                gone = true;
                ctx.close();
                throw new ClientGoneException("the client read nothing for " + times.writeStall());
            }
            try {
                left = room.awaitNanos(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new ClientGoneException("interrupted while the client read slowly");
            }
        }
        if (gone) {
            throw new ClientGoneException("the client closed the connection");
        }
    }

    private void wakeLoop() {
        if (!flushing) {
            flushing = true;
            ctx.executor().execute(flush);
        }
    }

    private void flush() {
        HttpResponse first;
        ByteBuf bytes = null;
        boolean last;
        lock.lock();
        try {
            flushing = false;
            if (gone) {
                return;
            }
            first = head;
            head = null;
            last = closed;
            if (length > 0) {
                bytes = ctx.alloc().ioBuffer(length).writeBytes(pending, 0, length);
                length = 0;
                lastWrite = System.nanoTime();
            }
            room.signalAll();
        } finally {
            lock.unlock();
        }
        if (first != null) {
            ctx.write(first, ctx.voidPromise());
        }
        if (bytes != null) {
            ctx.write(new DefaultHttpContent(bytes), ctx.voidPromise());
        }
        if (last) {
            whenFinished.accept(ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT));
        } else {
            ctx.flush();
        }
    }

    private void watchSilence(long nanos) {
        ctx.executor().schedule(this::breakSilence, nanos, TimeUnit.NANOSECONDS);
    }

    private void breakSilence() {
        long silence = times.silence().toNanos();
        long left;
        lock.lock();
        try {
            if (closed || gone) {
                return;
            }
            left = silence - (System.nanoTime() - lastWrite);
            if (left <= 0) {
                left = silence;
                if (length == 0 && ctx.channel().isWritable()) {
                    appendComment("still here");
                }
            }
        } finally {
            lock.unlock();
        }
        watchSilence(left);
    }

    private void appendComment(String text) {
        append(':');
        append(' ');
        append(text.replace('\n', ' ').replace('\r', ' ').getBytes(UTF_8));
        append('\n');
        append('\n');
        wakeLoop();
    }

    /** Appends data; every line of it gets its own field name, as the format wants. */
    private void appendData(byte[] data) {
        int start = 0;
        for (int i = 0; i < data.length; i++) {
            if (data[i] == '\n' || data[i] == '\r') {
                append(data, start, i - start);
                append('\n');
                append(DATA);
                if (data[i] == '\r' && i + 1 < data.length && data[i + 1] == '\n') {
                    i++;
                }
                start = i + 1;
            }
        }
        append(data, start, data.length - start);
    }

    private void append(byte[] bytes) {
        append(bytes, 0, bytes.length);
    }

    private void append(byte[] bytes, int from, int count) {
        ensure(count);
        System.arraycopy(bytes, from, pending, length, count);
        length += count;
    }

    private void append(char c) {
        ensure(1);
        pending[length++] = (byte) c;
    }

    private void ensure(int more) {
        if (length + more > pending.length) {
            pending = Arrays.copyOf(pending, Math.max(length + more, 2 * pending.length));
        }
    }
}
