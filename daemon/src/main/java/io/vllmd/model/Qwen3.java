package io.vllmd.model;

import io.vllmd.model.Architecture.Attention;
import io.vllmd.model.Architecture.Layer;
import io.vllmd.model.Architecture.Mlp;
import io.vllmd.model.Architecture.Rope;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Qwen3 dense: the Llama block with an RMS norm on every query and key head before the rotation. Defaults are
 * those of the Hugging Face configuration class.
 */
final class Qwen3 {
    private Qwen3() {}

    static Architecture read(ModelConfig config) {
        refuseOtherArithmetic(config);
        int hidden = config.integer("hidden_size", 1, 1 << 20);
        int layers = config.integer("num_hidden_layers", 1, 1024);
        int heads = config.integer("num_attention_heads", 1, 4096);
        int kvHeads = config.integer("num_key_value_heads", 1, heads, heads);
        if (heads % kvHeads != 0) {
            throw config.invalid(
                    "num_attention_heads", "is " + heads + ", no multiple of num_key_value_heads, " + kvHeads);
        }
        int headDim = config.integer("head_dim", 2, 4096, 128);
        if (headDim % 2 != 0) {
            throw config.invalid("head_dim", "is " + headDim + "; rotary positions need an even number");
        }
        Rope rope = rope(config, headDim);
        Mlp mlp = new Mlp(config.integer("intermediate_size", 1, 1 << 22));
        List<Layer> blocks = new ArrayList<>(layers);
        for (int window : windows(config, layers)) {
            float scale = (float) (1 / Math.sqrt(headDim));
            blocks.add(new Layer(new Attention(heads, kvHeads, headDim, scale, window, true, rope), mlp));
        }
        return new Architecture(
                "qwen3",
                config.integer("vocab_size", 1, 1 << 24),
                hidden,
                config.integer("max_position_embeddings", 1, 1 << 28),
                config.number("rms_norm_eps", 0, 1, 1e-6),
                config.flag("tie_word_embeddings", false),
                blocks);
    }

    private static void refuseOtherArithmetic(ModelConfig config) {
        config.refuseUnlessFalse("attention_bias");
        config.refuseUnlessFalse("mlp_bias");
        String activation = config.text("hidden_act", "silu");
        if (!activation.equals("silu")) {
            throw config.unsupported("hidden_act", "is \"" + activation + "\"; only \"silu\" is supported");
        }
        if (config.has("model_file")) {
            throw config.unsupported(
                    "model_file", "names Python code to run instead of the architecture; such models are not run");
        }
    }

    /**
     * By layer, 0 for full attention: layers of type sliding_attention see sliding_window positions. Where
     * use_sliding_window is not true there is no window, whatever sliding_window says; without layer_types those layers
     * slide that come after max_window_layers.
     */
    private static int[] windows(ModelConfig config, int layers) {
        boolean used = config.flag("use_sliding_window", false);
        int window = used ? config.integer("sliding_window", 1, 1 << 28) : 0;
        int[] windows = new int[layers];
        @Nullable JsonNode types = config.find("layer_types");
        if (types == null) {
            int full = config.integer("max_window_layers", 0, 1 << 20, 28);
            for (int i = full; i < layers; i++) {
                windows[i] = window;
            }
            return windows;
        }
        if (!types.isArray() || types.size() != layers) {
            throw config.invalid(
                    "layer_types", "is " + ModelConfig.shown(types) + "; a list of " + layers + " types is expected");
        }
        for (int i = 0; i < layers; i++) {
            JsonNode type = types.get(i);
            switch (type.isString() ? type.stringValue() : "") {
                case "full_attention" -> {}
                case "sliding_attention" -> {
                    if (!used) {
                        throw config.invalid(
                                "layer_types", "holds \"sliding_attention\", but use_sliding_window is not true");
                    }
                    windows[i] = window;
                }
                default ->
                    throw config.unsupported(
                            "layer_types",
                            "holds " + ModelConfig.shown(type)
                                    + "; only \"full_attention\" and \"sliding_attention\" are supported");
            }
        }
        return windows;
    }

    /** From rope_theta and rope_scaling, or from rope_parameters, which newer files have in their place. */
    private static Rope rope(ModelConfig config, int headDim) {
        @Nullable ModelConfig parameters = config.object("rope_parameters");
        @Nullable ModelConfig scaling = config.object("rope_scaling");
        ModelConfig theta = config.has("rope_theta") || parameters == null ? config : parameters;
        @Nullable ModelConfig kind = scaling == null ? parameters : scaling;
        float scale = 1;
        if (kind != null) {
            String field = kind.has("type") ? "type" : "rope_type";
            String type = kind.text(field, "default");
            switch (type) {
                case "default" -> {}
                case "linear" -> scale = 1 / kind.number("factor", 1, 1e6);
                default ->
                    throw kind.unsupported(field, "is \"" + type + "\"; only \"default\" and \"linear\" are supported");
            }
            refusePartial(kind);
        }
        refusePartial(config);
        return new Rope(headDim, theta.number("rope_theta", 1, 1e12), scale);
    }

    private static void refusePartial(ModelConfig config) {
        float part = config.number("partial_rotary_factor", 0, 1, 1);
        if (part != 1) {
            throw config.unsupported("partial_rotary_factor", "is " + part + "; only 1 is supported");
        }
    }
}
