package io.vllmd.ctl.bench;

import java.util.Locale;

/** Takes an HTTP/1.1 response apart as its bytes come, however they are cut: status, and the body without its framing. */
final class ResponseReader {
    /** Gets the body, piece by piece. */
    interface Body {
        void data(byte[] bytes, int from, int to);
    }

    /** Bytes that are no HTTP response. */
    static final class MalformedException extends Exception {
        private static final long serialVersionUID = 1L;

        MalformedException(String message) {
            super(message);
        }
    }

    private enum State {
        STATUS,
        HEADER,
        LENGTH,
        SIZE,
        CHUNK,
        CHUNK_END,
        TRAILER,
        UNTIL_CLOSE,
        DONE
    }

    private static final int LONGEST_LINE = 16 << 10;

    private final Body body;
    private final StringBuilder line = new StringBuilder();
    private State state = State.STATUS;
    private int status;
    private boolean chunked;
    private long left = -1;

    ResponseReader(Body body) {
        this.body = body;
    }

    /** 0 before it came. */
    int status() {
        return status;
    }

    boolean done() {
        return state == State.DONE;
    }

    /** The connection ended; gives whether that is where the response ends. */
    boolean closed() {
        if (state == State.UNTIL_CLOSE) {
            state = State.DONE;
        }
        return done();
    }

    void read(byte[] bytes, int from, int to) throws MalformedException {
        int at = from;
        while (at < to && state != State.DONE) {
            switch (state) {
                case LENGTH, CHUNK -> {
                    int count = (int) Math.min(left, to - at);
                    body.data(bytes, at, at + count);
                    at += count;
                    left -= count;
                    if (left == 0) {
                        state = state == State.CHUNK ? State.CHUNK_END : State.DONE;
                    }
                }
                case UNTIL_CLOSE -> {
                    body.data(bytes, at, to);
                    at = to;
                }
                default -> {
                    char c = (char) (bytes[at++] & 0xFF);
                    if (c == '\n') {
                        String text = line.toString();
                        line.setLength(0);
                        line(text);
                    } else if (c != '\r') {
                        if (line.length() >= LONGEST_LINE) {
                            throw new MalformedException("a line of the head is longer than " + LONGEST_LINE);
                        }
                        line.append(c);
                    }
                }
            }
        }
    }

    private void line(String text) throws MalformedException {
        switch (state) {
            case STATUS -> {
                if (!text.matches("HTTP/1\\.[01] \\d{3}.*")) {
                    throw new MalformedException("it answered with no HTTP: " + text);
                }
                status = Integer.parseInt(text, 9, 12, 10);
                state = State.HEADER;
            }
            case HEADER -> {
                if (text.isEmpty()) {
                    endOfHead();
                } else {
                    header(text);
                }
            }
            case SIZE -> {
                left = size(text);
                state = left == 0 ? State.TRAILER : State.CHUNK;
            }
            case CHUNK_END -> state = State.SIZE;
            default -> {
                if (text.isEmpty()) {
                    state = State.DONE;
                }
            }
        }
    }

    private void header(String text) throws MalformedException {
        int colon = text.indexOf(':');
        String name = text.substring(0, Math.max(colon, 0)).toLowerCase(Locale.ROOT);
        String value = text.substring(colon + 1).strip();
        switch (name) {
            case "transfer-encoding" -> chunked = value.equalsIgnoreCase("chunked");
            case "content-length" -> left = length(value);
            default -> {}
        }
    }

    private void endOfHead() {
        if (status == 100) {
            state = State.STATUS;
        } else if (chunked) {
            state = State.SIZE;
        } else if (left == 0) {
            state = State.DONE;
        } else {
            state = left > 0 ? State.LENGTH : State.UNTIL_CLOSE;
        }
    }

    private static long length(String value) throws MalformedException {
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw new MalformedException("its Content-Length is " + value);
        }
    }

    private static long size(String text) throws MalformedException {
        int end = text.indexOf(';');
        String digits = (end < 0 ? text : text.substring(0, end)).strip();
        try {
            return Long.parseLong(digits, 16);
        } catch (NumberFormatException e) {
            throw new MalformedException("a chunk's size is \"" + digits + "\"");
        }
    }
}
