package io.vllmd.control.protocol;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LineReaderTest {

    @Test
    void linesAreTheSameHoweverTheirBytesArrive() throws IOException {
        var random = new Random(7);
        String text = "a\n\n" + "b".repeat(20_000) + "\nü\uD83D\uDE00\n";
        var reader = new LineReader(dribble(text.getBytes(UTF_8), random));
        for (String line : text.split("\n")) {
            assertEquals(line, new String(reader.next().orElseThrow(), UTF_8));
        }
        assertTrue(reader.next().isEmpty());
    }

    @Test
    void aLineWithoutItsEndIsNone() throws IOException {
        var reader = new LineReader(new ByteArrayInputStream("a\nb".getBytes(UTF_8)));
        assertArrayEquals(new byte[] {'a'}, reader.next().orElseThrow());
        assertTrue(reader.next().isEmpty());
    }

    @Test
    void aLineOverTheBoundIsRefusedBeforeItIsReadWhole() {
        var endless = new InputStream() {
            int read;

            @Override
            public int read() {
                return 'x';
            }

            @Override
            public int read(byte[] into, int offset, int length) {
                read += length;
                return length;
            }
        };
        assertThrows(LineReader.LineTooLongException.class, () -> new LineReader(endless).next());
        assertTrue(endless.read <= MessageCodec.MAX_LINE + 8192, "read " + endless.read);
    }

    private static InputStream dribble(byte[] bytes, Random random) {
        return new ByteArrayInputStream(bytes) {
            @Override
            public synchronized int read(byte[] into, int offset, int length) {
                return super.read(into, offset, Math.min(length, 1 + random.nextInt(3000)));
            }
        };
    }
}
