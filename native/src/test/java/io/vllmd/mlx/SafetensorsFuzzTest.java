package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever becomes of a file, it is read as it says or refused in words. */
class SafetensorsFuzzTest {

    private static final String[] PIECES = {
        "-1",
        "0",
        "1",
        "9223372036854775807",
        "9223372036854775808",
        "1e9",
        "null",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"F32\"",
        "\"F8_E5M2\"",
        "\"dtype\"",
        "\"shape\"",
        "\"data_offsets\"",
        "\"__metadata__\"",
        "\u0000",
        "\"",
        "\\",
        "\\u0041",
        " ",
        "[[[[[[",
        "4294967296"
    };

    @Test
    void twoThousandMutatedFilesAreReadRightOrRefused(@TempDir Path folder) throws IOException {
        int read = 0;
        int refused = 0;
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            byte[] bytes = mutate(random, valid(random));
            Path file = SafetensorsFile.write(folder.resolve("f.safetensors"), bytes);
            try (Safetensors tensors = Safetensors.open(file)) {
                checkAll(tensors, bytes, "seed " + seed);
                read++;
            } catch (MlxException e) {
                assertTrue(String.valueOf(e.getMessage()).contains(file.toString()), "seed " + seed + ": " + e);
                refused++;
            }
        }
        assertTrue(read > 100 && refused > 1000, read + " read, " + refused + " refused");
    }

    /** Every tensor lies inside the file, has the size that its shape says, and is read as the bytes there. */
    private static void checkAll(Safetensors tensors, byte[] bytes, String what) {
        try (Arena arena = Arena.ofConfined()) {
            for (Safetensors.Tensor t : tensors.tensors().values()) {
                long elements = 1;
                for (int d : t.shape()) {
                    elements *= d;
                }
                assertEquals(elements * t.dtype().bytes(), t.nbytes(), what);
                assertTrue(t.offset() >= 8 && t.offset() + t.nbytes() <= bytes.length, what);
                MemorySegment memory = arena.allocate(Math.max(1, t.nbytes())).asSlice(0, t.nbytes());
                tensors.read(t, memory);
                assertArrayEquals(
                        Arrays.copyOfRange(bytes, (int) t.offset(), (int) (t.offset() + t.nbytes())),
                        memory.toArray(ValueLayout.JAVA_BYTE),
                        what);
            }
        }
    }

    private static byte[] valid(Random random) {
        List<String> entries = new ArrayList<>();
        if (random.nextBoolean()) {
            entries.add("\"__metadata__\":{\"format\":\"pt\"}");
        }
        int at = 0;
        for (int i = random.nextInt(5); i >= 0; i--) {
            int rows = random.nextInt(4);
            int columns = 1 + random.nextInt(5);
            boolean wide = random.nextBoolean();
            int size = rows * columns * (wide ? 4 : 2);
            entries.add("\"layer." + i + ".w\":{\"dtype\":\"" + (wide ? "F32" : "BF16") + "\",\"shape\":[" + rows + ","
                    + columns + "],\"data_offsets\":[" + at + "," + (at + size) + "]}");
            at += size;
        }
        byte[] data = new byte[at];
        random.nextBytes(data);
        return SafetensorsFile.bytes("{" + String.join(",", entries) + "}", data);
    }

    /** Up to three small changes: mostly of the header, so that they pass the first check. */
    private static byte[] mutate(Random random, byte[] valid) {
        byte[] bytes = valid;
        for (int n = random.nextInt(4); n > 0; n--) {
            int header = Math.max(9, Math.min(bytes.length, 8 + (bytes.length < 2 ? 0 : bytes[0] & 0xff)));
            switch (random.nextInt(6)) {
                case 0 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
                case 1 -> bytes = Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(40));
                case 2 -> {
                    bytes = bytes.clone();
                    if (bytes.length > 0) {
                        bytes[random.nextInt(Math.min(bytes.length, header))] = (byte) random.nextInt(256);
                    }
                }
                case 3 -> {
                    bytes = bytes.clone();
                    if (bytes.length > 0) {
                        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                    }
                }
                default -> bytes = splice(random, bytes, header);
            }
        }
        return bytes;
    }

    /** Replaces a stretch of the header by a piece of JSON and keeps the header length true. */
    private static byte[] splice(Random random, byte[] bytes, int header) {
        if (bytes.length < 10) {
            return bytes;
        }
        int from = 8 + random.nextInt(header - 8);
        int to = Math.min(header, from + random.nextInt(6));
        byte[] piece = PIECES[random.nextInt(PIECES.length)].getBytes(StandardCharsets.UTF_8);
        byte[] json = new byte[from - 8 + piece.length + header - to];
        System.arraycopy(bytes, 8, json, 0, from - 8);
        System.arraycopy(piece, 0, json, from - 8, piece.length);
        System.arraycopy(bytes, to, json, from - 8 + piece.length, header - to);
        return SafetensorsFile.bytes(json.length, json, Arrays.copyOfRange(bytes, header, bytes.length));
    }
}
