package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {

    @TempDir
    Path folder;

    @Test
    void tensorsAndMetadataAreRead() throws IOException {
        Path file = write(
                "{\"__metadata__\":{\"format\":\"mlx\"},"
                        + "\"b\":{\"dtype\":\"I32\",\"shape\":[2,1],\"data_offsets\":[4,12]},"
                        + "\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                        + "\"none\":{\"dtype\":\"F32\",\"shape\":[0,9],\"data_offsets\":[12,12]},"
                        + "\"one\":{\"shape\":[],\"data_offsets\":[12,13],\"dtype\":\"U8\"}}   ",
                new byte[] {1, 2, 3, 4, 5, 0, 0, 0, 6, 0, 0, 0, 7});
        try (Safetensors tensors = Safetensors.open(file);
                Arena arena = Arena.ofConfined()) {
            assertEquals(Map.of("format", "mlx"), tensors.metadata());
            assertEquals(
                    List.of("b", "a", "none", "one"),
                    List.copyOf(tensors.tensors().keySet()));
            Safetensors.Tensor b = tensor(tensors, "b");
            assertEquals(Dtype.INT32, b.dtype());
            assertArrayEquals(new int[] {2, 1}, b.shape());
            MemorySegment memory = arena.allocate(8, 4);
            tensors.read(b, memory);
            assertEquals(5, memory.getAtIndex(ValueLayout.JAVA_INT, 0));
            assertEquals(6, memory.getAtIndex(ValueLayout.JAVA_INT, 1));
            MemorySegment one = arena.allocate(1);
            tensors.read(tensor(tensors, "one"), one);
            assertEquals(7, one.get(ValueLayout.JAVA_BYTE, 0));
            tensors.read(tensor(tensors, "none"), MemorySegment.NULL);
            assertEquals("b INT32[2, 1]", b.toString());

            assertThrows(IllegalArgumentException.class, () -> tensors.read(b, arena.allocate(7)));
            Safetensors.Tensor foreign = new Safetensors.Tensor("b", Dtype.INT8, new int[] {1}, 0, 1);
            assertThrows(IllegalArgumentException.class, () -> tensors.read(foreign, arena.allocate(1)));
        }
    }

    @Test
    void nullStandsForNoMetadataAsMlxWritesIt() throws IOException {
        Path file = write(
                "{\"__metadata__\":null,\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", new byte[1]);
        try (Safetensors tensors = Safetensors.open(file)) {
            assertEquals(Map.of(), tensors.metadata());
            assertEquals(1, tensors.tensors().size());
        }
        refused("{\"__metadata__\":null,\"__metadata__\":{}}", "occurs twice");
    }

    @Test
    void everyDtypeOfTheFormatHasItsSize() throws IOException {
        for (String name : List.of(
                "BOOL", "U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64", "F16", "F32", "F64", "BF16", "C64")) {
            int bytes = name.equals("BOOL") ? 1 : Integer.parseInt(name.replaceAll("\\D", "")) / 8;
            Path file = write(entry("t", name, "[3]", 0, 3L * bytes), new byte[3 * bytes]);
            try (Safetensors tensors = Safetensors.open(file)) {
                assertEquals(bytes, tensor(tensors, "t").dtype().bytes(), name);
            }
        }
    }

    @Test
    void aMissingFileIsAnIoException() {
        assertThrows(NoSuchFileException.class, () -> Safetensors.open(folder.resolve("none.safetensors")));
    }

    @Test
    void headerLengthsThatCantBeAreRefused() throws IOException {
        refusedBytes(new byte[7], "too few for the 8-byte header length");
        refusedBytes(SafetensorsFile.bytes(Long.MIN_VALUE, new byte[2], new byte[0]), "9223372036854775808");
        refusedBytes(SafetensorsFile.bytes(-1, new byte[2], new byte[0]), "18446744073709551615");
        refusedBytes(SafetensorsFile.bytes(100_000_001, new byte[2], new byte[0]), "100000001", "limit is 100000000");
        refusedBytes(SafetensorsFile.bytes(3, new byte[2], new byte[0]), "3 bytes, but only 2 follow");
        refusedBytes(SafetensorsFile.bytes(0, new byte[0], new byte[0]), "header");
    }

    @Test
    void headersThatAreNotTheJsonTheyShouldBeAreRefused() throws IOException {
        refused("[".repeat(10_000), "header");
        refused("{\"a\":" + "[".repeat(10_000), "tensor a");
        refused("{\"a\":{\"dtype\":\"F32\",\"shape\":" + "[".repeat(10_000), "shape of tensor a");
        refused("{\"a\":{\"x\":" + "{\"x\":".repeat(10_000), "unknown field x");
        refused("{\"a\":" + entry("t", "U8", "[1]", 0, 1), "unknown field t");
        refused("", "header is missing");
        refused("{", "");
        refused("null", "header");
        refused("{} {}", "goes on after");
        refused("{}garbage", "");
        refused("{\"__metadata__\":{\"a\":1}}", "__metadata__ entry a");
        refused("{\"__metadata__\":[]}", "__metadata__");
        refused("{\"__metadata__\":{},\"__metadata__\":{}}", "occurs twice");
        refused("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", "entry k occurs twice");
        refusedBytes(SafetensorsFile.bytes(2, new byte[] {(byte) 0xff, '}'}, new byte[0]), "not UTF-8");
    }

    @Test
    void tensorsThatCantBeAreRefusedByName() throws IOException {
        byte[] data = new byte[8];
        refused("{\"w\":{\"dtype\":\"U8\",\"shape\":[8]}}", data, "tensor w lacks");
        refused("{\"w\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0]}}", data, "tensor w lacks");
        refused("{\"w\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,4,8]}}", data, "more than 2");
        refused("{\"w\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", data, "dtype of tensor w occurs twice");
        refused("{\"w\":{\"dtype\":7}}", data, "dtype of tensor w");
        refused("{\"w\":{\"dtype\":\"U8\",\"shape\":[1.5]}}", data, "shape of tensor w");
        refused(entry("w", "F8_E4M3", "[8]", 0, 8), data, "tensor w has dtype F8_E4M3", "not supported", "BF16");
        refused(entry("w", "U8", "[-8]", 0, 8), data, "shape of tensor w", "-8");
        refused(entry("w", "U8", "[9223372036854775808]", 0, 8), data, "shape of tensor w", "9223372036854775808");
        refused(entry("w", "U8", "[1e1]", 0, 8), data, "shape of tensor w");
        refused(entry("w", "U8", "[2147483648]", 0, 8), data, "tensor w", "2147483648");
        refused(entry("w", "F64", "[2147483647,2147483647,2147483647]", 0, 8), data, "tensor w", "2^63");
        refused(entry("w", "U8", "[1,1,1,1,1,1,1,1,8]", 0, 8), data, "shape of tensor w", "more than 8");
        refused(entry("w", "F32", "[3]", 0, 8), data, "tensor w", "12 bytes", "8 bytes of data");
        refused(entry("w", "U8", "[9]", 0, 9), data, "tensor w", "truncated");
        refused(entry("w", "U8", "[0]", 9, 9), data, "tensor w");
        refused(entry("w", "U8", "[8]", 8, 0), data, "tensor w");
        refused(entry("w", "U8", "[8]", -8, 0), data, "data_offsets of tensor w", "-8");
        refused(entry("w", "U8", "[7]", 0, 7), data, "end at byte 7", "8");
        refused(entry("w", "U8", "[7]", 1, 8), data, "tensor w begins at byte 1");
        String half = "\"w\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}";
        refused("{" + half + "," + half + "}", data, "tensor w occurs twice");
        refused("{" + half + "," + half.replace("\"w\"", "\"v\"") + "}", data, "overlap");
    }

    @Test
    void aFileThatShrinksAfterOpeningNamesTheTensor() throws IOException {
        Path file = write(entry("w", "U8", "[8]", 0, 8), new byte[8]);
        try (Safetensors tensors = Safetensors.open(file);
                Arena arena = Arena.ofConfined();
                RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.setLength(access.length() - 3);
            MlxException e =
                    assertThrows(MlxException.class, () -> tensors.read(tensor(tensors, "w"), arena.allocate(8)));
            says(e, file.toString(), "tensor w", "shorter");
        }
    }

    @Test
    void readingAfterCloseIsRefused() throws IOException {
        Path file = write(entry("w", "U8", "[8]", 0, 8), new byte[8]);
        Safetensors tensors = Safetensors.open(file);
        tensors.close();
        try (Arena arena = Arena.ofConfined()) {
            MlxException e =
                    assertThrows(MlxException.class, () -> tensors.read(tensor(tensors, "w"), arena.allocate(8)));
            says(e, "tensor w", file.toString());
        }
    }

    @Test
    void tensorsLargerThanOnePieceAreReadWhole() throws IOException {
        int n = (64 << 20) + 5;
        Path file = folder.resolve("large.safetensors");
        byte[] head = SafetensorsFile.bytes(entry("w", "U8", "[" + n + "]", 0, n), new byte[0]);
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.write(head);
            access.setLength(head.length + (long) n);
            access.seek(head.length + (64 << 20) - 1);
            access.write(new byte[] {1, 2, 3, 4, 5, 6});
        }
        try (Safetensors tensors = Safetensors.open(file);
                Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(n);
            tensors.read(tensor(tensors, "w"), memory);
            for (int i = 0; i < 6; i++) {
                assertEquals(i + 1, memory.get(ValueLayout.JAVA_BYTE, (64 << 20) - 1 + i));
            }
        }
    }

    static String entry(String name, String dtype, String shape, long begin, long end) {
        return "{\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + ","
                + end + "]}}";
    }

    static Safetensors.Tensor tensor(Safetensors tensors, String name) {
        Safetensors.Tensor tensor = tensors.tensors().get(name);
        if (tensor == null) {
            throw new AssertionError("no tensor " + name);
        }
        return tensor;
    }

    private Path write(String header, byte[] data) throws IOException {
        return SafetensorsFile.write(folder.resolve("model.safetensors"), SafetensorsFile.bytes(header, data));
    }

    private void refused(String header, String... parts) throws IOException {
        refused(header, new byte[0], parts);
    }

    private void refused(String header, byte[] data, String... parts) throws IOException {
        refusedBytes(SafetensorsFile.bytes(header, data), parts);
    }

    private void refusedBytes(byte[] bytes, String... parts) throws IOException {
        Path file = SafetensorsFile.write(folder.resolve("bad.safetensors"), bytes);
        MlxException e = assertThrows(
                MlxException.class,
                () -> Safetensors.open(file).close(),
                () -> new String(bytes, 0, Math.min(bytes.length, 200), StandardCharsets.ISO_8859_1));
        says(e, parts);
        says(e, file.toString());
        assertTrue(String.valueOf(e.getMessage()).length() < 2000, "a message, not a dump: " + e.getMessage());
    }

    private static void says(Exception e, String... parts) {
        String message = String.valueOf(e.getMessage());
        for (String part : parts) {
            assertTrue(message.contains(part), "'" + message + "' lacks '" + part + "'");
        }
    }
}
