package io.vllmd.mlx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** One row of {@link Mlx#choose} as its contract says it, step by step. */
final class ChoosingReference {

    final float[] logits;
    float temperature;
    int topK;
    float topP = 1;
    float minP;
    float uniform;
    float presence;
    float frequency;
    float repetition = 1;

    /** The newest token where the counts lack it, else −1. */
    int newest = -1;

    int logprobs = -1;
    final Map<Integer, int[]> counts = new HashMap<>();
    final Map<Integer, Float> bias = new HashMap<>();
    int @Nullable [] mask;

    ChoosingReference(float... logits) {
        this.logits = logits;
    }

    /** A row with something of everything; amounts are eighths, so that no sum of a few rounds. */
    static ChoosingReference random(Random random, int vocabulary) {
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = i % 2 == 0 ? Math.round(random.nextGaussian() * 16) / 8f : (float) random.nextGaussian();
        }
        for (int i = random.nextInt(4); i > 0; i--) {
            logits[random.nextInt(vocabulary)] = random.nextBoolean() ? Float.NaN : Float.NEGATIVE_INFINITY;
        }
        ChoosingReference row = new ChoosingReference(logits);
        row.temperature = random.nextInt(3) == 0 ? 0 : 0.2f + 1.5f * random.nextFloat();
        row.topK = random.nextInt(2) == 0 ? 0 : 1 + random.nextInt(2 * Math.min(vocabulary, 60));
        row.topP = random.nextInt(2) == 0 ? 1 : 0.05f + 0.9f * random.nextFloat();
        row.minP = random.nextInt(2) == 0 ? 0 : 0.3f * random.nextFloat();
        row.uniform = random.nextFloat();
        if (random.nextInt(3) > 0) {
            row.presence = (random.nextInt(33) - 16) / 8f;
            row.frequency = (random.nextInt(33) - 16) / 8f;
            row.repetition = random.nextInt(8) == 0 ? 1e38f : 0.5f + random.nextFloat();
            row.newest = random.nextBoolean() ? random.nextInt(vocabulary) : -1;
            for (int i = random.nextInt(vocabulary); i > 0; i--) {
                row.counts.put(random.nextInt(vocabulary), new int[] {random.nextInt(4), random.nextInt(3)});
            }
        }
        for (int i = random.nextInt(3) * random.nextInt(4); i > 0; i--) {
            row.bias.put(
                    random.nextInt(vocabulary),
                    random.nextInt(5) == 0 ? Float.NEGATIVE_INFINITY : (random.nextInt(161) - 80) / 8f);
        }
        if (random.nextInt(3) == 0) {
            int[] words = new int[(vocabulary + 31) / 32];
            for (int i = 0; i < words.length; i++) {
                words[i] = random.nextInt();
            }
            int one = random.nextInt(vocabulary);
            words[one / 32] |= 1 << (one % 32);
            row.mask = words;
        }
        row.logprobs = random.nextBoolean() ? -1 : random.nextInt(Math.min(vocabulary, 20) + 1);
        return row;
    }

    /** Adds the row; {@code previous} takes its newest token. */
    void addTo(SamplingRows rows, List<Integer> previous) {
        int last = -1;
        if (newest >= 0) {
            last = previous.size();
            previous.add(newest);
        }
        rows.add(temperature, topK, topP, minP, uniform, presence, frequency, repetition, last, logprobs);
        counts.forEach((id, times) -> rows.count(id, times[0], times[1]));
        bias.forEach(rows::bias);
        if (mask != null) {
            rows.mask(mask);
        }
    }

    boolean allows(int token) {
        return mask == null || (mask[token / 32] >> (token % 32) & 1) != 0;
    }

    /** The logits after bias, penalties and mask, with NaN as −∞. */
    float[] edited() {
        float[] x = new float[logits.length];
        for (int i = 0; i < x.length; i++) {
            x[i] = Float.isNaN(logits[i]) ? Float.NEGATIVE_INFINITY : logits[i];
            x[i] += bias.getOrDefault(i, 0f);
            int[] times = counts.getOrDefault(i, new int[2]);
            int more = i == newest ? 1 : 0;
            if (times[1] + more > 0) {
                x[i] = x[i] > 0 ? x[i] / repetition : x[i] * repetition;
            }
            if (times[0] + more > 0) {
                x[i] -= presence + frequency * (times[0] + more);
            }
            if (mask != null) {
                x[i] = allows(i) ? Math.max(x[i], -Float.MAX_VALUE) : Float.NEGATIVE_INFINITY;
            }
        }
        return x;
    }

    /** The token that must come, or −1 where rounding may decide. */
    int token() {
        float[] x = edited();
        if (temperature == 0 || x[likeliest(x)[0]] == Float.NEGATIVE_INFINITY) {
            return likeliest(x)[0];
        }
        Reference.Candidates candidates = Reference.candidates(x, temperature, topK, topP, minP);
        return candidates.doubtful() ? -1 : candidates.pick(uniform);
    }

    /** Ids by descending logit, of equals the lower first. */
    static int[] likeliest(float[] x) {
        return IntStream.range(0, x.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -x[i]).thenComparingInt(i -> i))
                .mapToInt(i -> i)
                .toArray();
    }

    /** Log softmax of the logits as given, NaN as −∞. */
    double[] logprobs() {
        double most = Double.NEGATIVE_INFINITY;
        for (float x : logits) {
            most = Float.isNaN(x) ? most : Math.max(most, x);
        }
        double sum = 0;
        for (float x : logits) {
            sum += Float.isNaN(x) ? 0 : Math.exp(x - most);
        }
        double[] result = new double[logits.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = Float.isNaN(logits[i]) ? Double.NEGATIVE_INFINITY : logits[i] - most - Math.log(sum);
        }
        return result;
    }

    /** Chooses for all rows in one call, which must have one vocabulary. */
    static Chosen choose(List<ChoosingReference> references) {
        int vocabulary = references.getFirst().logits.length;
        float[] logits = new float[references.size() * vocabulary];
        SamplingRows rows = new SamplingRows();
        List<Integer> previous = new ArrayList<>(List.of(0));
        for (int r = 0; r < references.size(); r++) {
            System.arraycopy(references.get(r).logits, 0, logits, r * vocabulary, vocabulary);
            references.get(r).addTo(rows, previous);
        }
        int[] tokens = previous.stream().mapToInt(i -> i).toArray();
        return Mlx.choose(Array.of(logits, references.size(), vocabulary), rows, Array.of(tokens, tokens.length));
    }

    static int[] tokens(ChoosingReference... references) {
        return choose(Arrays.asList(references)).tokens().toInts();
    }
}
