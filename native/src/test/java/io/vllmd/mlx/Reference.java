package io.vllmd.mlx;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The engine operations as their formulas say, in double. */
final class Reference {

    /** 1 / sqrt(mean(x²) + eps). */
    static double rmsScale(float[] x, int from, int n, float eps) {
        double sum = 0;
        for (int i = from; i < from + n; i++) {
            sum += (double) x[i] * x[i];
        }
        return 1 / Math.sqrt(sum / n + eps);
    }

    /** Norms (weight null for none) and rotates one head of {@code x} at {@code from}. */
    static double[] head(
            float[] x,
            int from,
            int headDim,
            float @Nullable [] norm,
            float eps,
            int position,
            int ropeDims,
            float base,
            float scale,
            float @Nullable [] freqs) {
        double[] h = new double[headDim];
        double factor = norm == null ? 1 : rmsScale(x, from, headDim, eps);
        for (int i = 0; i < headDim; i++) {
            h[i] = x[from + i] * factor * (norm == null ? 1 : norm[i]);
        }
        int half = ropeDims / 2;
        for (int i = 0; i < half; i++) {
            double angle = freqs != null
                    ? position / (double) freqs[i]
                    : position * (double) scale * Math.pow(base, -2.0 * i / ropeDims);
            double a = h[i];
            double b = h[i + half];
            h[i] = a * Math.cos(angle) - b * Math.sin(angle);
            h[i + half] = a * Math.sin(angle) + b * Math.cos(angle);
        }
        return h;
    }

    /** softmax(scale · q·kᵀ)·v over the first {@code length} keys. */
    static double[] attend(double[] q, double[][] keys, double[][] values, int length, double scale) {
        double[] weights = new double[length];
        double most = Double.NEGATIVE_INFINITY;
        for (int t = 0; t < length; t++) {
            for (int i = 0; i < q.length; i++) {
                weights[t] += q[i] * keys[t][i];
            }
            weights[t] *= scale;
            most = Math.max(most, weights[t]);
        }
        double sum = 0;
        for (int t = 0; t < length; t++) {
            weights[t] = Math.exp(weights[t] - most);
            sum += weights[t];
        }
        double[] out = new double[q.length];
        for (int t = 0; t < length; t++) {
            for (int i = 0; i < q.length; i++) {
                out[i] += weights[t] / sum * values[t][i];
            }
        }
        return out;
    }

    /**
     * The candidates of a row by descending probability then ascending id, and their renormalised
     * probabilities.
     *
     * @param doubtful a cut lies so close to its threshold that float32 may fall on either side
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Candidates(int[] ids, double[] probabilities, boolean doubtful) {

        /** The token that {@code uniform} picks, or -1 where rounding may decide. */
        int pick(double uniform) {
            double sum = 0;
            for (int i = 0; i < ids.length; i++) {
                sum += probabilities[i];
                if (Math.abs(sum - uniform) < 1e-5 && i < ids.length - 1) {
                    return -1;
                }
                if (sum > uniform) {
                    return ids[i];
                }
            }
            return ids[ids.length - 1];
        }
    }

    static Candidates candidates(float[] logits, double temperature, int topK, double topP, double minP) {
        int[] order = IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -logits[i]).thenComparingInt(i -> i))
                .mapToInt(i -> i)
                .toArray();
        int n = topK == 0 ? order.length : Math.min(topK, order.length);
        double[] p = probabilities(logits, order, n, temperature);
        boolean doubtful = false;
        if (topP < 1) {
            double sum = 0;
            int kept = 0;
            while (kept < n && sum < topP) {
                sum += p[kept++];
                doubtful |= Math.abs(sum - topP) < 1e-5;
            }
            n = kept;
        }
        if (minP > 0) {
            int kept = 0;
            while (kept < n && p[kept] >= minP * p[0]) {
                kept++;
            }
            for (int i = 0; i < n; i++) {
                doubtful |= i > 0 && Math.abs(p[i] - minP * p[0]) < 1e-6;
            }
            n = Math.max(1, kept);
        }
        return new Candidates(Arrays.copyOf(order, n), probabilities(logits, order, n, temperature), doubtful);
    }

    private static double[] probabilities(float[] logits, int[] order, int n, double temperature) {
        double[] p = new double[n];
        double sum = 0;
        for (int i = 0; i < n; i++) {
            p[i] = Math.exp(((double) logits[order[i]] - logits[order[0]]) / temperature);
            sum += p[i];
        }
        for (int i = 0; i < n; i++) {
            p[i] /= sum;
        }
        return p;
    }

    private Reference() {}
}
