package io.vllmd.model;

import io.vllmd.model.Architecture.Attention;
import io.vllmd.model.Architecture.Layer;
import io.vllmd.model.Architecture.Mlp;
import io.vllmd.model.Architecture.Rope;
import java.util.Collections;
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
        Attention attention =
                new Attention(heads, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)), true, rope(config, headDim));
        Mlp mlp = new Mlp(config.integer("intermediate_size", 1, 1 << 22));
        return new Architecture(
                "qwen3",
                config.integer("vocab_size", 1, 1 << 24),
                hidden,
                config.integer("max_position_embeddings", 1, 1 << 28),
                config.number("rms_norm_eps", 0, 1, 1e-6),
                config.flag("tie_word_embeddings", false),
                Collections.nCopies(layers, new Layer(attention, mlp)));
    }

    private static void refuseOtherArithmetic(ModelConfig config) {
        config.refuseUnlessFalse("attention_bias");
        config.refuseUnlessFalse("mlp_bias");
        config.refuseUnlessFalse("use_sliding_window");
        String activation = config.text("hidden_act", "silu");
        if (!activation.equals("silu")) {
            throw config.unsupported("hidden_act", "is \"" + activation + "\"; only \"silu\" is supported");
        }
        if (config.has("model_file")) {
            throw config.unsupported(
                    "model_file", "names Python code to run instead of the architecture; such models are not run");
        }
        @Nullable JsonNode types = config.find("layer_types");
        if (types != null) {
            if (!types.isArray()) {
                throw config.invalid("layer_types", "is " + ModelConfig.shown(types) + "; a list is expected");
            }
            for (JsonNode type : types) {
                if (!type.isString() || !type.stringValue().equals("full_attention")) {
                    throw config.unsupported(
                            "layer_types",
                            "holds " + ModelConfig.shown(type) + "; only \"full_attention\" is supported");
                }
            }
        }
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
