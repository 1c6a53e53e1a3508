package io.vllmd.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.LastHttpContent;
import io.vllmd.api.Exchange.ClientGoneException;
import io.vllmd.api.Exchange.EventStream;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A stream of events. One of two has the pen: the producer, which writes to the socket itself, because waking the event
 * loop costs more than the write does; or the event loop, which begins and ends the answer and sends what the socket did
 * not take at once. What is produced while the loop has the pen goes out with its next write. Buffer and channel are
 * bounded, so a client that reads slowly parks its own producer and nobody else's.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a channel tells its failures to exceptionCaught and channelInactive
final class SseStream implements EventStream {
    /** Bytes that wait for the event loop before the producer does. */
    private static final int HIGH = 32 << 10;

    private static final byte[] DATA = "data: ".getBytes(UTF_8);
    private static final byte[] EVENT = "event: ".getBytes(UTF_8);

    private final ChannelHandlerContext ctx;
    private final ClientChannel channel;
    private final Times times;
    private final Consumer<ChannelFuture> whenFinished;
    private final Runnable flush = this::flush;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();
    private final ChunkBuffer pending;
    private boolean loopWrites = true;
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
    SseStream(
            ChannelHandlerContext ctx, ChunkBuffer.Framing framing, Times times, Consumer<ChannelFuture> whenFinished) {
        this.ctx = ctx;
        this.channel = (ClientChannel) ctx.channel();
        this.pending = new ChunkBuffer(framing);
        this.times = times;
        this.whenFinished = whenFinished;
    }

    void start(HttpResponse head) {
        ctx.executor().execute(() -> {
            ctx.write(head, ctx.voidPromise());
            flush();
        });
        watchSilence(times.silence().toNanos());
    }

    @Override
    public void send(String event, byte[] data) {
        lock.lock();
        try {
            awaitRoom();
            pending.begin();
            if (!event.isEmpty()) {
                pending.append(EVENT);
                pending.append(event.getBytes(UTF_8));
                pending.append('\n');
            }
            pending.append(DATA);
            appendData(data);
            pending.append('\n');
            pending.append('\n');
            pending.end();
            write();
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
            write();
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
                handOver();
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
        while (!gone && (pending.length() >= HIGH || !channel.isWritable())) {
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

    /** Writes what is pending, or leaves it to the event loop where that has the pen. */
    private void write() {
        if (loopWrites) {
            return;
        }
        try {
            pending.drop(channel.writeNow(pending.bytes()));
        } catch (IOException e) {
            gone = true;
            ctx.close();
            throw new ClientGoneException("the connection broke: " + e.getMessage());
        }
        lastWrite = System.nanoTime();
        if (pending.length() > 0) {
            handOver();
        }
    }

    private void handOver() {
        if (!loopWrites) {
            loopWrites = true;
            ctx.executor().execute(flush);
        }
    }

    /** On the event loop, which has the pen. */
    private void flush() {
        ByteBuf bytes;
        boolean last;
        lock.lock();
        try {
            if (gone) {
                return;
            }
            bytes = ctx.alloc().ioBuffer(pending.length()).writeBytes(pending.bytes());
            pending.drop(pending.length());
            last = closed;
            lastWrite = System.nanoTime();
            room.signalAll();
        } finally {
            lock.unlock();
        }
        // Past the codec: the bytes are framed already.
        ChannelFuture written = ctx.pipeline().context(HttpServerCodec.class).write(bytes);
        if (last) {
            whenFinished.accept(ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT));
        } else {
            written.addListener(done -> {
                if (done.isSuccess()) {
                    flushed();
                }
            });
            ctx.flush();
        }
    }

    /** The socket took what the loop had: the pen goes back, unless more came meanwhile. */
    private void flushed() {
        lock.lock();
        try {
            if (pending.length() == 0 && !closed) {
                loopWrites = false;
                return;
            }
        } finally {
            lock.unlock();
        }
        flush();
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
                if (!loopWrites) {
                    appendComment("still here");
                    handOver();
                }
            }
        } finally {
            lock.unlock();
        }
        watchSilence(left);
    }

    private void appendComment(String text) {
        pending.begin();
        pending.append(':');
        pending.append(' ');
        pending.append(text.replace('\n', ' ').replace('\r', ' ').getBytes(UTF_8));
        pending.append('\n');
        pending.append('\n');
        pending.end();
    }

    /** Appends data; every line of it gets its own field name, as the format wants. */
    private void appendData(byte[] data) {
        int start = 0;
        for (int i = 0; i < data.length; i++) {
            if (data[i] == '\n' || data[i] == '\r') {
                pending.append(data, start, i - start);
                pending.append('\n');
                pending.append(DATA);
                if (data[i] == '\r' && i + 1 < data.length && data[i + 1] == '\n') {
                    i++;
                }
                start = i + 1;
            }
        }
        pending.append(data, start, data.length - start);
    }
}
