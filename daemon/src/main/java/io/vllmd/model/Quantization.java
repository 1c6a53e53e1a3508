package io.vllmd.model;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The rules of a configuration's "quantization" object: one default, and by a layer's path either other
 * numbers or false for "not quantised".
 */
final class Quantization {
    private static final Set<Integer> GROUPS = Set.of(32, 64, 128);
    private static final Set<Integer> BITS = Set.of(4, 8);

    /** What a rule asks for. */
    record Rule(int group, int bits) {}

    private final @Nullable Rule byDefault;
    private final Map<String, Rule> byPath = new HashMap<>();
    private final Set<String> unquantised;

    private Quantization(@Nullable Rule byDefault, Map<String, Rule> byPath, Set<String> unquantised) {
        this.byDefault = byDefault;
        this.byPath.putAll(byPath);
        this.unquantised = Set.copyOf(unquantised);
    }

    /** Whether a layer such as "model.layers.0.mlp.up_proj" may be quantised. */
    boolean allows(String path) {
        return !unquantised.contains(path) && (byDefault != null || byPath.containsKey(path));
    }

    /**
     * What the configuration demands of this very layer, or null. The default binds nobody: mlx-lm reads bits and
     * group from the shapes of layers that the configuration does not name, and files rely on it.
     */
    @Nullable
    Rule demanded(String path) {
        return byPath.get(path);
    }

    static boolean isSupported(int group, int bits) {
        return GROUPS.contains(group) && BITS.contains(bits);
    }

    static Quantization read(ModelConfig config) {
        @Nullable ModelConfig rules = config.object("quantization");
        if (rules == null) {
            refuseForeign(config);
            return new Quantization(null, Map.of(), Set.of());
        }
        Map<String, Rule> byPath = new HashMap<>();
        Set<String> unquantised = new HashSet<>();
        for (Map.Entry<String, JsonNode> field : rules.root().properties()) {
            if (field.getValue().isObject()) {
                byPath.put(
                        field.getKey(), rule(new ModelConfig(field.getValue(), rules.where() + ", " + field.getKey())));
            } else if (field.getValue().isBoolean() && !field.getValue().booleanValue()) {
                unquantised.add(field.getKey());
            } else if (field.getKey().contains(".") && !field.getValue().isBoolean()) {
                throw rules.invalid(
                        field.getKey(),
                        "is " + ModelConfig.shown(field.getValue()) + "; an object, true or false is expected");
            }
            // true means "by the default"; names without a dot are the default's own fields.
        }
        return new Quantization(rule(rules), byPath, unquantised);
    }

    private static Rule rule(ModelConfig config) {
        String mode = config.text("mode", "affine");
        if (!mode.equals("affine")) {
            throw config.unsupported("mode", "is \"" + mode + "\"; only \"affine\" is supported");
        }
        int group = config.integer("group_size", 1, 1 << 20);
        if (!GROUPS.contains(group)) {
            throw config.unsupported("group_size", "is " + group + "; 32, 64 and 128 are supported");
        }
        int bits = config.integer("bits", 1, 64);
        if (!BITS.contains(bits)) {
            throw config.unsupported("bits", "is " + bits + "; 4 and 8 are supported");
        }
        return new Rule(group, bits);
    }

    /** quantization_config without MLX's quantization is another tool's format: fp8, gptq, awq and so on. */
    private static void refuseForeign(ModelConfig config) {
        @Nullable ModelConfig foreign = config.object("quantization_config");
        if (foreign != null) {
            throw foreign.unsupported(
                    "quant_method",
                    "is \"" + foreign.text("quant_method", "unknown")
                            + "\"; only MLX's affine quantization is supported: convert the model to it");
        }
    }
}
