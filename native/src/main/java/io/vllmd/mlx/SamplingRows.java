package io.vllmd.mlx;

import java.util.*;

public final class SamplingRows {
    final List<float[]> rows = new ArrayList<>();

    public void clear() {
        rows.clear();
    }

    public int add(
            float temperature,
            int topK,
            float topP,
            float minP,
            float uniform,
            float presence,
            float frequency,
            float repetition,
            int last,
            int logprobs) {
        rows.add(new float[] {temperature, topK, topP, minP, uniform});
        return rows.size() - 1;
    }

    public void count(int id, int generated, int repeats) {}

    public void bias(int id, float value) {}

    public void mask(int[] words) {}

    public int rows() {
        return rows.size();
    }
}
