package io.vllmd.control.protocol;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;

/** Cuts bytes into lines of bounded length. Used by one thread. */
public final class LineReader {
    private final InputStream in;
    private final byte[] buffer = new byte[8192];
    private int start;
    private int end;

    public LineReader(InputStream in) {
        this.in = in;
    }

    /**
     * The next line without its end, or empty at the end of the stream. What follows the last line end is not a
     * line: its sender went away in the middle.
     *
     * @throws LineTooLongException beyond {@link MessageCodec#MAX_LINE}; the stream is then of no more use
     */
    public Optional<byte[]> next() throws IOException {
        var line = new ByteArrayOutputStream(256);
        while (true) {
            for (int i = start; i < end; i++) {
                if (buffer[i] == '\n') {
                    line.write(buffer, start, i - start);
                    start = i + 1;
                    return Optional.of(line.toByteArray());
                }
            }
            line.write(buffer, start, end - start);
            start = end;
            if (line.size() >= MessageCodec.MAX_LINE) {
                throw new LineTooLongException();
            }
            int read = in.read(buffer);
            if (read < 0) {
                return Optional.empty();
            }
            start = 0;
            end = read;
        }
    }

    /** A line is longer than a message may be. */
    public static final class LineTooLongException extends IOException {
        private static final long serialVersionUID = 1L;

        LineTooLongException() {
            super("A message is longer than " + MessageCodec.MAX_LINE + " bytes.");
        }
    }
}
