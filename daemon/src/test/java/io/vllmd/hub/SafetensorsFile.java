package io.vllmd.hub;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes small safetensors files. */
final class SafetensorsFile {
    private SafetensorsFile() {}

    /** A file whose tensors have two float32 each: n and n + 1, n counted from 0 over all of them. */
    static void write(Path file, String... names) throws IOException {
        StringBuilder header = new StringBuilder("{");
        ByteBuffer data = ByteBuffer.allocate(8 * names.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < names.length; i++) {
            header.append(i > 0 ? "," : "")
                    .append("\"%s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[%d,%d]}"
                            .formatted(names[i], 8 * i, 8 * i + 8));
            data.putFloat(i).putFloat(i + 1);
        }
        byte[] json = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer all = ByteBuffer.allocate(8 + json.length + data.capacity()).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(file, all.putLong(json.length).put(json).put(data.flip()).array());
    }
}
