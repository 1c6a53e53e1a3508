package io.vllmd.model;

import io.vllmd.mlx.Device;
import io.vllmd.mlx.Dtype;
import java.util.List;

/** What of a model decides how much memory it takes, known before any of its weights is read. */
public final class Footprint {

    /** Rows of a weight that stand side by side in memory on a CPU device; others are multiplied in other kernels. */
    private static final int PANEL = 16;

    private final Architecture architecture;
    private final WeightPlan plan;
    private final Device device;
    private final Dtype activations;

    Footprint(Architecture architecture, WeightPlan plan, Device device) {
        this.architecture = architecture;
        this.plan = plan;
        this.device = device;
        this.activations =
                device == Device.CPU ? Dtype.FLOAT32 : plan.finalNorm().tensor().dtype();
    }

    /** Bytes of all weights in memory. */
    public long weightBytes() {
        return plan.memoryBytes(device);
    }

    /** Dtype of the residual stream, of keys and of values. */
    public Dtype activations() {
        return activations;
    }

    /** Most tokens of prompt and answer together. */
    public int contextLength() {
        return architecture.contextLength();
    }

    /** Attention layers that hold keys and values, first to last. */
    public List<LanguageModel.KvLayer> kvLayers() {
        return architecture.kvLayers();
    }

    /**
     * Bytes of all arrays that one step makes, keys, values and weights not counted. A CPU device gives all of a graph's
     * arrays their memory before the first is computed, so this is what it takes; a GPU gives back what is read before
     * the step ends, so there it is a bound. Follows {@link Decoder#forward}: whoever changes one changes the other.
     *
     * @param rows tokens that the step reads
     * @param logitRows rows of these whose logits are wanted
     */
    public long stepBytes(int rows, int logitRows) {
        int hidden = architecture.hidden();
        int wanted = Math.min(rows, logitRows);
        int last = architecture.layers().size() - 1;
        long numbers = (long) rows * hidden;
        for (int i = 0; i <= last; i++) {
            Architecture.Attention attention = architecture.layers().get(i).attention();
            int intermediate = architecture.layers().get(i).mlp().intermediate();
            WeightPlan.Block block = plan.blocks().get(i);
            int qkv = attention.queryRows() + 2 * attention.keyRows();
            numbers += rows * (projection(block.qkv(), qkv, hidden) + 2L * attention.queryRows());
            long after = rows;
            if (i == last && wanted < rows) {
                after = wanted;
                numbers += after * (attention.queryRows() + hidden);
            }
            numbers += after * (2L * hidden + gated(block.gateUp(), intermediate, hidden));
        }
        numbers += wanted
                * (normed(plan.head() == null ? plan.embedding() : plan.head(), hidden)
                        + (long) architecture.vocabulary());
        return numbers * activations.bytes();
    }

    /** Numbers of a row that a projection of a normed input makes. */
    private long projection(List<LinearSource> parts, int width, int hidden) {
        return parts.size() == 1
                ? normed(parts.getFirst(), hidden) + width
                // Each part's output, and all side by side.
                : hidden + 2L * width;
    }

    /** The same of gate and up, and what comes of them. */
    private long gated(List<LinearSource> parts, int intermediate, int hidden) {
        boolean fused = parts.size() == 1 && panels(parts.getFirst());
        return intermediate + (fused ? 0 : projection(parts, 2 * intermediate, hidden));
    }

    /** A norm is an array of its own where the product does not do it on the way. */
    private long normed(LinearSource weight, int hidden) {
        return panels(weight) ? 0 : hidden;
    }

    /** As cpu/panels.h has it. */
    private boolean panels(LinearSource weight) {
        return device == Device.CPU && weight.format() instanceof WeightFormat.Affine && weight.rows() % PANEL == 0;
    }
}
