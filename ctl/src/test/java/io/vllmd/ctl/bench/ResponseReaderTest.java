package io.vllmd.ctl.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.ctl.bench.ResponseReader.MalformedException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResponseReaderTest {
    private final StringBuilder body = new StringBuilder();
    private final ResponseReader reader =
            new ResponseReader((bytes, from, to) -> body.append(new String(bytes, from, to - from, ISO_8859_1)));

    private void read(String text) throws MalformedException {
        byte[] bytes = text.getBytes(ISO_8859_1);
        reader.read(bytes, 0, bytes.length);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void aChunkedBodyIsTheSameHoweverItIsCut(long seed) throws Exception {
        var random = new Random(seed);
        var expected = new StringBuilder();
        var wire = new StringBuilder("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n");
        for (int i = 0; i < 50; i++) {
            String part = "data: {\"n\":%d}\n\n".formatted(random.nextInt()).repeat(1 + random.nextInt(5));
            expected.append(part);
            wire.append(Integer.toHexString(part.length()))
                    .append(random.nextBoolean() ? ";name=value" : "")
                    .append("\r\n")
                    .append(part)
                    .append("\r\n");
        }
        byte[] bytes = wire.append("0\r\n\r\n").toString().getBytes(ISO_8859_1);
        for (int at = 0; at < bytes.length; ) {
            assertFalse(reader.done());
            int to = Math.min(bytes.length, at + 1 + random.nextInt(40));
            reader.read(bytes, at, to);
            at = to;
        }
        assertTrue(reader.done());
        assertEquals(200, reader.status());
        assertEquals(expected.toString(), body.toString());
    }

    @Test
    void aDeclaredLengthEndsTheBody() throws Exception {
        read("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnonemore");
        assertTrue(reader.done());
        assertEquals(404, reader.status());
        assertEquals("none", body.toString());
    }

    @Test
    void withoutALengthTheConnectionsEndIsTheBodys() throws Exception {
        read("HTTP/1.0 200 OK\r\n\r\nall of it");
        assertFalse(reader.done());
        assertTrue(reader.closed());
        assertEquals("all of it", body.toString());
    }

    @Test
    void aConnectionThatEndsBeforeTheBodyDoesIsNoEnd() throws Exception {
        read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        assertFalse(reader.closed());
    }

    @Test
    void anInterimAnswerIsPassedOver() throws Exception {
        read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        assertEquals(200, reader.status());
        assertEquals("hi", body.toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SSH-2.0-OpenSSH_9\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
            })
    void whatIsNoHttpIsToldSo(String wire) {
        assertThrows(MalformedException.class, () -> read(wire));
    }
}
