package io.vllmd.model;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Dtype;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Every weight of an {@link Architecture}, found and checked in a folder, nothing read yet. */
record WeightPlan(
        LinearSource embedding,
        List<Block> blocks,
        ModelFolder.Entry finalNorm,
        @Nullable LinearSource head) {

    /** One layer; qkv and gateUp have one part where folding was exact. */
    record Block(
            ModelFolder.Entry inputNorm,
            List<LinearSource> qkv,
            ModelFolder.@Nullable Entry queryNorm,
            ModelFolder.@Nullable Entry keyNorm,
            LinearSource output,
            ModelFolder.Entry postAttentionNorm,
            List<LinearSource> gateUp,
            LinearSource down) {}

    /** Looks for the names that Llama gave and most families kept. */
    static WeightPlan of(Architecture architecture, Quantization quantization, Tensors tensors) {
        int hidden = architecture.hidden();
        Finder find = new Finder(tensors, quantization);
        LinearSource embedding = find.linear("model.embed_tokens", architecture.vocabulary(), hidden);
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < architecture.layers().size(); i++) {
            blocks.add(block(architecture.layers().get(i), hidden, find, "model.layers." + i + "."));
        }
        ModelFolder.Entry finalNorm = find.norm("model.norm", hidden);
        LinearSource head = architecture.tied() ? null : find.linear("lm_head", architecture.vocabulary(), hidden);
        // Training keeps a copy of the tied table under the head's name in some files.
        tensors.refuseLeftOver(name -> architecture.tied() && name.startsWith("lm_head."));
        return new WeightPlan(embedding, blocks, finalNorm, head);
    }

    private static Block block(Architecture.Layer layer, int hidden, Finder find, String path) {
        Architecture.Attention attention = layer.attention();
        int intermediate = layer.mlp().intermediate();
        return new Block(
                find.norm(path + "input_layernorm", hidden),
                LinearSource.folded(
                        find.linear(path + "self_attn.q_proj", attention.queryRows(), hidden),
                        find.linear(path + "self_attn.k_proj", attention.keyRows(), hidden),
                        find.linear(path + "self_attn.v_proj", attention.keyRows(), hidden)),
                attention.qkNorm() ? find.norm(path + "self_attn.q_norm", attention.headDim()) : null,
                attention.qkNorm() ? find.norm(path + "self_attn.k_norm", attention.headDim()) : null,
                find.linear(path + "self_attn.o_proj", hidden, attention.queryRows()),
                find.norm(path + "post_attention_layernorm", hidden),
                LinearSource.folded(
                        find.linear(path + "mlp.gate_proj", intermediate, hidden),
                        find.linear(path + "mlp.up_proj", intermediate, hidden)),
                find.linear(path + "mlp.down_proj", hidden, intermediate));
    }

    /** Every linear weight, tables and head included. */
    List<LinearSource> linears() {
        List<LinearSource> all = new ArrayList<>(List.of(embedding));
        for (Block block : blocks) {
            all.addAll(block.qkv);
            all.add(block.output);
            all.addAll(block.gateUp);
            all.add(block.down);
        }
        if (head != null) {
            all.add(head);
        }
        return all;
    }

    /** Bytes to read from the files. */
    long fileBytes() {
        long bytes = nbytes(finalNorm);
        for (LinearSource linear : linears()) {
            bytes += linear.fileBytes();
        }
        for (Block block : blocks) {
            bytes += nbytes(block.inputNorm) + nbytes(block.postAttentionNorm);
            bytes += nbytes(block.queryNorm) + nbytes(block.keyNorm);
        }
        return bytes;
    }

    /** Bytes of all arrays made of them: packed weights as they are, norms as {@link WeightReader#norm} has it. */
    long memoryBytes(Device device) {
        long norms = norm(finalNorm, device);
        for (Block block : blocks) {
            norms += norm(block.inputNorm, device) + norm(block.postAttentionNorm, device);
            norms += norm(block.queryNorm, device) + norm(block.keyNorm, device);
        }
        return norms + linears().stream().mapToLong(LinearSource::fileBytes).sum();
    }

    private static long norm(ModelFolder.@Nullable Entry entry, Device device) {
        long bytes = nbytes(entry);
        return entry == null || device != Device.CPU
                ? bytes
                : bytes / entry.tensor().dtype().bytes() * Dtype.FLOAT32.bytes();
    }

    private static long nbytes(ModelFolder.@Nullable Entry entry) {
        return entry == null ? 0 : entry.tensor().nbytes();
    }

    private record Finder(Tensors tensors, Quantization quantization) {
        LinearSource linear(String path, int rows, int columns) {
            return LinearSource.find(tensors, quantization, path, rows, columns);
        }

        ModelFolder.Entry norm(String path, int size) {
            return tensors.take(path + ".weight", LinearSource.FLOATS, size);
        }
    }
}
