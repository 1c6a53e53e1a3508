package io.vllmd.http;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Bytes of an answer's body that were not written yet, framed as the client wants them. */
final class ChunkBuffer {
    /** How a client learns where the body ends. */
    enum Framing {
        CHUNKED,
        /** By the end of the connection. */
        UNTIL_CLOSE,
        /** There is none: only the head was asked for. */
        NO_BODY
    }

    /** The most that a chunk's size in hexadecimal and its line end take. */
    private static final int SIZE_LINE = 10;

    private final Framing framing;
    private byte[] bytes = new byte[1024];
    private int start;
    private int end;
    private int chunk;

    ChunkBuffer(Framing framing) {
        this.framing = framing;
    }

    int length() {
        return end - start;
    }

    /** A view of what is pending, valid until the next change. */
    ByteBuffer bytes() {
        return ByteBuffer.wrap(bytes, start, end - start);
    }

    /** So many bytes were written. */
    void drop(int count) {
        start += count;
        if (start == end) {
            start = 0;
            end = 0;
        }
    }

    /** What is appended until {@link #end} goes out as one chunk. */
    void begin() {
        chunk = end;
        if (framing == Framing.CHUNKED) {
            ensure(SIZE_LINE);
            end += SIZE_LINE;
        }
    }

    void end() {
        switch (framing) {
            case UNTIL_CLOSE -> {}
            case NO_BODY -> end = chunk;
            case CHUNKED -> {
                int from = chunk + SIZE_LINE;
                int size = end - from;
                int digits = Math.max(1, (Integer.SIZE - Integer.numberOfLeadingZeros(size) + 3) / 4);
                for (int i = 0; i < digits; i++) {
                    bytes[chunk + i] = (byte) Character.forDigit((size >>> (4 * (digits - 1 - i))) & 0xF, 16);
                }
                bytes[chunk + digits] = '\r';
                bytes[chunk + digits + 1] = '\n';
                System.arraycopy(bytes, from, bytes, chunk + digits + 2, size);
                end = chunk + digits + 2 + size;
                append('\r');
                append('\n');
            }
        }
    }

    void append(byte[] more) {
        append(more, 0, more.length);
    }

    void append(byte[] more, int from, int count) {
        ensure(count);
        System.arraycopy(more, from, bytes, end, count);
        end += count;
    }

    void append(char c) {
        ensure(1);
        bytes[end++] = (byte) c;
    }

    private void ensure(int more) {
        if (end + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(end + more, 2 * bytes.length));
        }
    }
}
