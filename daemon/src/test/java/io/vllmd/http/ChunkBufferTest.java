package io.vllmd.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vllmd.http.ChunkBuffer.Framing;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChunkBufferTest {

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void whateverIsTakenWhenTheChunksHoldAllThatWasAppended(long seed) {
        var random = new Random(seed);
        var buffer = new ChunkBuffer(Framing.CHUNKED);
        var expected = new ByteArrayOutputStream();
        var written = new ByteArrayOutputStream();
        for (int i = 0; i < 300; i++) {
            buffer.begin();
            for (int part = random.nextInt(4); part >= 0; part--) {
                byte[] bytes = new byte[random.nextInt(random.nextInt(10) == 0 ? 70_000 : 300)];
                random.nextBytes(bytes);
                buffer.append(bytes);
                buffer.append('!');
                expected.writeBytes(bytes);
                expected.write('!');
            }
            buffer.end();
            if (random.nextBoolean()) {
                take(buffer, random.nextInt(buffer.length() + 1), written);
            }
        }
        take(buffer, buffer.length(), written);
        assertEquals(0, buffer.length());
        assertArrayEquals(expected.toByteArray(), bodyOf(written.toByteArray()));
    }

    @Test
    void sizesAreHexadecimalWithoutLeadingZeros() {
        for (int size : new int[] {1, 15, 16, 255, 256, 4095, 4096, 65_536}) {
            var buffer = new ChunkBuffer(Framing.CHUNKED);
            buffer.begin();
            buffer.append(new byte[size]);
            buffer.end();
            String text = ISO_8859_1.decode(buffer.bytes()).toString();
            assertEquals(Integer.toHexString(size), text.substring(0, text.indexOf('\r')));
        }
    }

    @Test
    void withoutChunksBytesStayAsTheyAreAndWithoutABodyNoneAreLeft() {
        var plain = new ChunkBuffer(Framing.UNTIL_CLOSE);
        var none = new ChunkBuffer(Framing.NO_BODY);
        for (ChunkBuffer buffer : new ChunkBuffer[] {plain, none}) {
            buffer.begin();
            buffer.append(new byte[] {1, 2});
            buffer.end();
        }
        assertEquals(ByteBuffer.wrap(new byte[] {1, 2}), plain.bytes());
        assertEquals(0, none.length());
    }

    private static void take(ChunkBuffer buffer, int count, ByteArrayOutputStream to) {
        byte[] taken = new byte[count];
        buffer.bytes().get(taken);
        to.writeBytes(taken);
        buffer.drop(count);
    }

    private static byte[] bodyOf(byte[] chunks) {
        String text = new String(chunks, ISO_8859_1);
        var body = new StringBuilder();
        int at = 0;
        while (at < text.length()) {
            int line = text.indexOf("\r\n", at);
            int from = line + 2;
            int size = Integer.parseInt(text, at, line, 16);
            body.append(text, from, from + size);
            assertEquals("\r\n", text.substring(from + size, from + size + 2));
            at = from + size + 2;
        }
        return body.toString().getBytes(ISO_8859_1);
    }
}
