package io.vllmd.model;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Array;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.DevicePolicy;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.MlxThread;
import io.vllmd.mlx.Weight;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Folder to model. */
public final class ModelLoader {

    /** Told how far a load is; called on the loading thread. */
    @FunctionalInterface
    public interface Progress {
        /** @param fraction of the bytes to read, from 0 to 1 */
        void at(double fraction);
    }

    private ModelLoader() {}

    /**
     * Reads a model's weights. Called on a worker thread, which may be interrupted to cancel; whatever ends a load
     * early, all that it made is freed before this returns. The caller owns the model, and closes it on the MLX
     * thread.
     *
     * @throws io.vllmd.config.ProblemException UNSUPPORTED for an architecture or a setting of it that is not built,
     *     INVALID for a configuration or a tensor that is missing, damaged or not what the other one says,
     *     UNAVAILABLE where memory does not suffice
     */
    public static LanguageModel load(ModelFolder folder, MlxThread mlx, Progress progress) throws InterruptedException {
        return load(folder, mlx, mlx.call(Device::preferred), progress);
    }

    /** As {@link #load(ModelFolder, MlxThread, Progress)}, for this device instead of the preferred one. */
    public static LanguageModel load(ModelFolder folder, MlxThread mlx, Device device, Progress progress)
            throws InterruptedException {
        ModelConfig config = config(folder);
        Architecture architecture = Families.read(config);
        WeightPlan plan = WeightPlan.of(architecture, Quantization.read(config), new Tensors(folder));
        WeightReader reader =
                new WeightReader(mlx, device, DevicePolicy.applied().halfPrecision(), plan.fileBytes(), progress);
        try {
            return read(architecture, plan, reader, mlx, device);
        } finally {
            reader.discard();
        }
    }

    /**
     * What memory a model will take, from its configuration and the headers of its files.
     *
     * @throws io.vllmd.config.ProblemException UNSUPPORTED or INVALID as {@link #load} would
     */
    public static Footprint footprint(ModelFolder folder, Device device) {
        ModelConfig config = config(folder);
        Architecture architecture = Families.read(config);
        WeightPlan plan = WeightPlan.of(architecture, Quantization.read(config), new Tensors(folder));
        return new Footprint(architecture, plan, device);
    }

    private static ModelConfig config(ModelFolder folder) {
        return new ModelConfig(
                folder.config(), folder.root().resolve("config.json").toString());
    }

    private static LanguageModel read(
            Architecture architecture, WeightPlan plan, WeightReader reader, MlxThread mlx, Device device)
            throws InterruptedException {
        Weight embedding = reader.weight(plan.embedding());
        List<Decoder.Block> blocks = new ArrayList<>();
        for (int i = 0; i < plan.blocks().size(); i++) {
            blocks.add(block(
                    architecture,
                    architecture.layers().get(i).attention(),
                    plan.blocks().get(i),
                    reader));
        }
        Array finalNorm = reader.norm(plan.finalNorm());
        Dtype activations = device == Device.CPU ? Dtype.FLOAT32 : mlx.call(finalNorm::dtype);
        @Nullable LinearSource head = plan.head();
        Weight headWeight = head == null ? embedding : reader.weight(head);
        return new Decoder(
                describe(architecture, plan, activations, reader.memoryBytes()),
                architecture.eps(),
                embedding,
                blocks,
                finalNorm,
                headWeight,
                reader.release());
    }

    private static Decoder.Block block(
            Architecture architecture, Architecture.Attention attention, WeightPlan.Block block, WeightReader reader)
            throws InterruptedException {
        Array inputNorm = reader.norm(block.inputNorm());
        Projection qkv = reader.projection(block.qkv());
        Architecture.Rope rope = attention.rope();
        AttentionShape shape = new AttentionShape(
                attention.heads(),
                attention.kvHeads(),
                attention.headDim(),
                attention.scale(),
                reader.normOrNull(block.queryNorm()),
                reader.normOrNull(block.keyNorm()),
                architecture.eps(),
                new AttentionShape.Rope(rope.dims(), rope.base(), rope.scale(), null));
        return new Decoder.Block(
                inputNorm,
                qkv,
                shape,
                reader.weight(block.output()),
                reader.norm(block.postAttentionNorm()),
                reader.projection(block.gateUp()),
                reader.weight(block.down()));
    }

    private static LanguageModel.Description describe(
            Architecture architecture, WeightPlan plan, Dtype activations, long bytes) {
        Set<String> formats = new LinkedHashSet<>();
        plan.linears().forEach(linear -> formats.add(linear.format().words()));
        return new LanguageModel.Description(
                architecture.modelType(),
                architecture.vocabulary(),
                architecture.contextLength(),
                architecture.kvLayers(),
                activations,
                bytes,
                String.join(" and ", formats));
    }
}
