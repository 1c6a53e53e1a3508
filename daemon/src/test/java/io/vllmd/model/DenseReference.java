package io.vllmd.model;

import io.vllmd.mlx.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Qwen3 in double, as its formulas say, of a folder with float32 weights: every position against every other. */
final class DenseReference {
    private static final double EPS = 1e-6;

    private final JsonNode config;
    private final Map<String, double[]> weights = new HashMap<>();
    private final int hidden;
    private final int heads;
    private final int kvHeads;
    private final int headDim;

    DenseReference(Path folder) throws IOException {
        config = JsonMapper.shared().readTree(Files.readString(folder.resolve("config.json")));
        Safetensors file = Safetensors.open(folder.resolve("model.safetensors"));
        for (Safetensors.Tensor tensor : file.tensors().values()) {
            MemorySegment bytes = Arena.ofAuto().allocate(tensor.nbytes(), 8);
            file.read(tensor, bytes);
            float[] values = bytes.toArray(ValueLayout.JAVA_FLOAT);
            double[] wide = new double[values.length];
            for (int i = 0; i < wide.length; i++) {
                wide[i] = values[i];
            }
            weights.put(tensor.name(), wide);
        }
        hidden = config.get("hidden_size").intValue();
        heads = config.get("num_attention_heads").intValue();
        kvHeads = config.get("num_key_value_heads").intValue();
        headDim = config.get("head_dim").intValue();
    }

    /**
     * Logits of every position.
     *
     * @param windows by layer, newest positions that a token sees; 0 = all
     */
    double[][] logits(int[] tokens, int[] windows) {
        double[][] h = new double[tokens.length][];
        for (int t = 0; t < h.length; t++) {
            h[t] = row(weight("model.embed_tokens"), tokens[t], hidden);
        }
        for (int layer = 0; layer < windows.length; layer++) {
            String name = "model.layers." + layer + ".";
            double[][] attended = attention(h, name, windows[layer]);
            for (int t = 0; t < h.length; t++) {
                add(h[t], linear(attended[t], name + "self_attn.o_proj"));
                double[] x = norm(h[t], weight(name + "post_attention_layernorm"));
                double[] gate = linear(x, name + "mlp.gate_proj");
                double[] up = linear(x, name + "mlp.up_proj");
                for (int i = 0; i < up.length; i++) {
                    up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
                }
                add(h[t], linear(up, name + "mlp.down_proj"));
            }
        }
        double[][] logits = new double[h.length][];
        for (int t = 0; t < h.length; t++) {
            logits[t] = linear(norm(h[t], weight("model.norm")), "lm_head");
        }
        return logits;
    }

    private double[][] attention(double[][] h, String name, int window) {
        double[][] q = new double[h.length][];
        double[][] k = new double[h.length][];
        double[][] v = new double[h.length][];
        for (int t = 0; t < h.length; t++) {
            double[] x = norm(h[t], weight(name + "input_layernorm"));
            q[t] = turned(linear(x, name + "self_attn.q_proj"), heads, weight(name + "self_attn.q_norm"), t);
            k[t] = turned(linear(x, name + "self_attn.k_proj"), kvHeads, weight(name + "self_attn.k_norm"), t);
            v[t] = linear(x, name + "self_attn.v_proj");
        }
        double[][] out = new double[h.length][heads * headDim];
        for (int t = 0; t < h.length; t++) {
            int from = window > 0 ? Math.max(0, t - window + 1) : 0;
            for (int head = 0; head < heads; head++) {
                attend(q[t], k, v, from, t, head, out[t]);
            }
        }
        return out;
    }

    private void attend(double[] q, double[][] k, double[][] v, int from, int to, int head, double[] out) {
        int kv = head / (heads / kvHeads);
        double[] weights = new double[to + 1];
        double sum = 0;
        for (int t = from; t <= to; t++) {
            for (int i = 0; i < headDim; i++) {
                weights[t] += q[head * headDim + i] * k[t][kv * headDim + i];
            }
            weights[t] = Math.exp(weights[t] / Math.sqrt(headDim));
            sum += weights[t];
        }
        for (int t = from; t <= to; t++) {
            for (int i = 0; i < headDim; i++) {
                out[head * headDim + i] += weights[t] / sum * v[t][kv * headDim + i];
            }
        }
    }

    /** Each head normed and rotated, halves paired. */
    private double[] turned(double[] x, int count, double[] norm, int position) {
        double factor = config.get("rope_scaling").get("factor").doubleValue();
        double base = config.get("rope_theta").doubleValue();
        for (int head = 0; head < count; head++) {
            double[] one = norm(row(x, head, headDim), norm);
            int half = headDim / 2;
            for (int i = 0; i < half; i++) {
                double angle = position / factor * Math.pow(base, -2.0 * i / headDim);
                double a = one[i];
                double b = one[i + half];
                x[head * headDim + i] = a * Math.cos(angle) - b * Math.sin(angle);
                x[head * headDim + half + i] = a * Math.sin(angle) + b * Math.cos(angle);
            }
        }
        return x;
    }

    private double[] weight(String name) {
        double[] found = weights.get(name + ".weight");
        if (found == null) {
            throw new IllegalArgumentException("no " + name + " among " + weights.keySet());
        }
        return found;
    }

    private double[] linear(double[] x, String name) {
        double[] w = weight(name);
        double[] y = new double[w.length / x.length];
        for (int i = 0; i < y.length; i++) {
            for (int j = 0; j < x.length; j++) {
                y[i] += w[i * x.length + j] * x[j];
            }
        }
        return y;
    }

    private static double[] norm(double[] x, double[] weight) {
        double sum = 0;
        for (double value : x) {
            sum += value * value;
        }
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = x[i] / Math.sqrt(sum / x.length + EPS) * weight[i];
        }
        return y;
    }

    private static double[] row(double[] matrix, int row, int width) {
        double[] out = new double[width];
        System.arraycopy(matrix, row * width, out, 0, width);
        return out;
    }

    private static void add(double[] to, double[] from) {
        for (int i = 0; i < to.length; i++) {
            to[i] += from[i];
        }
    }
}
