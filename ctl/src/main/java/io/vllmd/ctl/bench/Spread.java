package io.vllmd.ctl.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** How a quantity is spread: percentiles between the values nearest, as most tools take them. */
public record Spread(double p50, double p95, double least, double most, int count) {

    static Spread of(double[] values) {
        if (values.length == 0) {
            return new Spread(Double.NaN, Double.NaN, Double.NaN, Double.NaN, 0);
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return new Spread(
                percentile(sorted, 0.5), percentile(sorted, 0.95), sorted[0], sorted[sorted.length - 1], sorted.length);
    }

    public boolean isEmpty() {
        return count == 0;
    }

    private static double percentile(double[] sorted, double share) {
        double at = share * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
    }

    /** For JSON; empty where there is nothing. */
    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        if (!isEmpty()) {
            tree.put("p50", rounded(p50));
            tree.put("p95", rounded(p95));
            tree.put("min", rounded(least));
            tree.put("max", rounded(most));
        }
        tree.put("count", count);
        return tree;
    }

    /** To a thousandth, which no clock here exceeds. */
    static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }
}
