package io.vllmd.model;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model folder of any shape of the Qwen3 family with random weights, the same for the same shape; for measuring and
 * for bounds of memory, where what a model says does not matter. There is no tokenizer in it.
 *
 * @param bits 32 for float32, 16 for bfloat16, 8 or 4 for packed weights in groups of 64
 * @param tied whether the embedding table is the output head, too
 * @param window positions that every second layer sees, beginning with the first; 0 = all layers see all
 * @param context positions that its configuration names
 */
public record RandomModel(
        int hidden,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int intermediate,
        int vocabulary,
        int bits,
        boolean tied,
        int window,
        int context) {
    private static final ObjectMapper JSON = JsonMapper.shared();
    private static final int GROUP = 64;
    private static final int BLOCK = 1 << 16;

    /** The shape of Qwen3-0.6B: 28 layers, 640 MB at 8 bits. */
    public static RandomModel qwen3Of600M(int bits) {
        return new RandomModel(1024, 28, 16, 8, 128, 3072, 151_936, bits, true, 0, 40_960);
    }

    /** One that loads in no time: 2 layers of 256. */
    public static RandomModel small(int bits) {
        return new RandomModel(256, 2, 4, 2, 64, 512, 1024, bits, true, 0, 8192);
    }

    public RandomModel withLayers(int count) {
        return new RandomModel(
                hidden, count, heads, kvHeads, headDim, intermediate, vocabulary, bits, tied, window, context);
    }

    /** Writes config.json and model.safetensors; answers the folder. */
    public Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), config().toString());
        Map<String, int[]> tensors = tensors();
        byte[] header = header(tensors).toString().getBytes(StandardCharsets.UTF_8);
        SplittableRandom random = new SplittableRandom(1);
        try (OutputStream out =
                new BufferedOutputStream(Files.newOutputStream(folder.resolve("model.safetensors")), BLOCK)) {
            out.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(header.length)
                    .array());
            out.write(header);
            for (Map.Entry<String, int[]> tensor : tensors.entrySet()) {
                write(out, tensor.getKey(), bytes(tensor), random);
            }
        }
        return folder;
    }

    private ObjectNode config() {
        ObjectNode config = JSON.createObjectNode()
                .put("model_type", "qwen3")
                .put("hidden_size", hidden)
                .put("num_hidden_layers", layers)
                .put("num_attention_heads", heads)
                .put("num_key_value_heads", kvHeads)
                .put("head_dim", headDim)
                .put("intermediate_size", intermediate)
                .put("vocab_size", vocabulary)
                .put("max_position_embeddings", context)
                .put("rms_norm_eps", 1e-6)
                .put("rope_theta", 1_000_000.0)
                .put("tie_word_embeddings", tied);
        if (bits < 16) {
            config.putObject("quantization").put("group_size", GROUP).put("bits", bits);
        }
        if (window > 0) {
            config.put("use_sliding_window", true).put("sliding_window", window);
            ArrayNode types = config.putArray("layer_types");
            for (int i = 0; i < layers; i++) {
                types.add(i % 2 == 0 ? "sliding_attention" : "full_attention");
            }
        }
        return config;
    }

    private Map<String, int[]> tensors() {
        Map<String, int[]> tensors = new LinkedHashMap<>();
        linear(tensors, "model.embed_tokens", vocabulary, hidden);
        for (int i = 0; i < layers; i++) {
            String layer = "model.layers." + i + ".";
            norm(tensors, layer + "input_layernorm", hidden);
            linear(tensors, layer + "self_attn.q_proj", heads * headDim, hidden);
            linear(tensors, layer + "self_attn.k_proj", kvHeads * headDim, hidden);
            linear(tensors, layer + "self_attn.v_proj", kvHeads * headDim, hidden);
            norm(tensors, layer + "self_attn.q_norm", headDim);
            norm(tensors, layer + "self_attn.k_norm", headDim);
            linear(tensors, layer + "self_attn.o_proj", hidden, heads * headDim);
            norm(tensors, layer + "post_attention_layernorm", hidden);
            linear(tensors, layer + "mlp.gate_proj", intermediate, hidden);
            linear(tensors, layer + "mlp.up_proj", intermediate, hidden);
            linear(tensors, layer + "mlp.down_proj", hidden, intermediate);
        }
        norm(tensors, "model.norm", hidden);
        if (!tied) {
            linear(tensors, "lm_head", vocabulary, hidden);
        }
        return tensors;
    }

    private static void norm(Map<String, int[]> tensors, String name, int size) {
        tensors.put(name + ".weight", new int[] {size});
    }

    private void linear(Map<String, int[]> tensors, String name, int rows, int columns) {
        if (bits >= 16) {
            tensors.put(name + ".weight", new int[] {rows, columns});
        } else {
            tensors.put(name + ".weight", new int[] {rows, columns * bits / 32});
            tensors.put(name + ".scales", new int[] {rows, columns / GROUP});
            tensors.put(name + ".biases", new int[] {rows, columns / GROUP});
        }
    }

    private ObjectNode header(Map<String, int[]> tensors) {
        ObjectNode header = JSON.createObjectNode();
        long offset = 0;
        for (Map.Entry<String, int[]> tensor : tensors.entrySet()) {
            ObjectNode entry = header.putObject(tensor.getKey());
            entry.put("dtype", packed(tensor.getKey()) ? "U32" : bits == 32 ? "F32" : "BF16");
            entry.set("shape", JSON.valueToTree(tensor.getValue()));
            long end = offset + bytes(tensor);
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        return header;
    }

    private boolean packed(String name) {
        return bits < 16 && name.endsWith(".weight") && !name.contains("norm");
    }

    private long bytes(Map.Entry<String, int[]> tensor) {
        long bytes = packed(tensor.getKey()) || bits == 32 ? Float.BYTES : Short.BYTES;
        for (int dim : tensor.getValue()) {
            bytes *= dim;
        }
        return bytes;
    }

    /** Evenly between plus and minus half the root of 1/hidden, packed or not, so that nothing grows over the layers. */
    private void write(OutputStream out, String name, long bytes, SplittableRandom random) throws IOException {
        float spread = (float) (1 / Math.sqrt(hidden));
        for (long from = 0; from < bytes; from += BLOCK) {
            ByteBuffer block =
                    ByteBuffer.allocate((int) Math.min(BLOCK, bytes - from)).order(ByteOrder.LITTLE_ENDIAN);
            while (block.hasRemaining()) {
                if (packed(name)) {
                    block.putInt(random.nextInt());
                    continue;
                }
                float value = (random.nextInt() * 0x1p-32f) * spread;
                if (name.contains("norm")) {
                    value = 1;
                } else if (name.endsWith(".scales")) {
                    value = spread / (1 << bits);
                } else if (name.endsWith(".biases")) {
                    value = -spread / 2;
                }
                if (bits == 32) {
                    block.putFloat(value);
                } else {
                    block.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                }
            }
            out.write(block.array());
        }
    }
}
