package io.vllmd.model;

import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.Safetensors;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A small model of one shard, read into memory, changed and written elsewhere. */
final class EditedModel {
    private static final ObjectMapper JSON = JsonMapper.shared();

    /** A tensor's dtype, shape and bytes. */
    record Content(Dtype dtype, int[] shape, byte[] bytes) {}

    private final ObjectNode config;
    private final Map<String, Content> tensors = new TreeMap<>();

    private EditedModel(ObjectNode config) {
        this.config = config;
    }

    static EditedModel of(String name) throws IOException {
        Path folder = Reference.models().resolve(name);
        EditedModel model =
                new EditedModel((ObjectNode) JSON.readTree(Files.readString(folder.resolve("config.json"))));
        Safetensors file = Safetensors.open(folder.resolve("model.safetensors"));
        for (Safetensors.Tensor tensor : file.tensors().values()) {
            MemorySegment bytes = Arena.ofAuto().allocate(tensor.nbytes(), 8);
            file.read(tensor, bytes);
            model.tensors.put(
                    tensor.name(), new Content(tensor.dtype(), tensor.shape(), bytes.toArray(ValueLayout.JAVA_BYTE)));
        }
        return model;
    }

    EditedModel config(Consumer<ObjectNode> change) {
        change.accept(config);
        return this;
    }

    EditedModel without(String name) {
        tensors.remove(name);
        return this;
    }

    EditedModel tensor(String name, Dtype dtype, int... shape) {
        int bytes = Arrays.stream(shape).reduce(dtype.bytes(), Math::multiplyExact);
        tensors.put(name, new Content(dtype, shape, new byte[bytes]));
        return this;
    }

    Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), config.toString());
        ObjectNode header = JSON.createObjectNode();
        long offset = 0;
        for (Map.Entry<String, Content> tensor : tensors.entrySet()) {
            Content content = tensor.getValue();
            ObjectNode entry = header.putObject(tensor.getKey());
            entry.put("dtype", safetensorsName(content.dtype()));
            entry.set("shape", JSON.valueToTree(content.shape()));
            entry.putArray("data_offsets").add(offset).add(offset + content.bytes().length);
            offset += content.bytes().length;
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = Files.newOutputStream(folder.resolve("model.safetensors"))) {
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(json.length)
                    .array());
            out.write(json);
            for (Content content : tensors.values()) {
                out.write(content.bytes());
            }
        }
        return folder;
    }

    private static String safetensorsName(Dtype dtype) {
        return switch (dtype) {
            case FLOAT16 -> "F16";
            case FLOAT32 -> "F32";
            case BFLOAT16 -> "BF16";
            case UINT32 -> "U32";
            case INT32 -> "I32";
            default -> throw new IllegalArgumentException("no test writes " + dtype);
        };
    }
}
