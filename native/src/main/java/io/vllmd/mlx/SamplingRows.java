package io.vllmd.mlx;

import java.util.Arrays;

/**
 * How the tokens of one {@link Mlx#choose} are chosen, a row at a time: {@link #add} begins a row, {@link #count},
 * {@link #bias} and {@link #mask} say more of the row added last. Reusable after {@link #clear}, so that a step
 * allocates nothing. Not tied to a thread.
 */
public final class SamplingRows {

    /** Words of a row as C lays it out, vm_sampling_row. */
    static final int WORDS = 15;

    private static final int COUNTS_TO = 10;
    private static final int BIAS_TO = 12;
    private static final int MASK = 13;

    private int[] rows = new int[8 * WORDS];
    private int size;
    private int most = -1;

    private int[] countIds = new int[64];
    private int[] generated = new int[64];
    private int[] repeats = new int[64];
    private int counts;

    private int[] biasIds = new int[16];
    private float[] biases = new float[16];
    private int biased;

    private int[][] masks = new int[4][];
    private int masked;

    /** Forgets all rows. */
    public void clear() {
        size = 0;
        most = -1;
        counts = 0;
        biased = 0;
        Arrays.fill(masks, 0, masked, new int[0]);
        masked = 0;
    }

    /** Number of rows. */
    public int rows() {
        return size;
    }

    /** A row that takes the likeliest token. */
    public int addGreedy() {
        return add(0, 0, 1, 0, 0, 0, 0, 1, -1, -1);
    }

    /**
     * Begins a row.
     *
     * @param temperature 0 takes the largest logit
     * @param topK this many largest logits, 0 = all
     * @param topP of those the smallest set whose probability reaches this, 1 = all
     * @param minP of those what has at least this share of the largest probability, 0 = all
     * @param uniform the row's random number, in [0, 1)
     * @param presence subtracted once from the logits of tokens that were generated
     * @param frequency subtracted for each time that the token was generated
     * @param repetition divides positive logits and multiplies negative ones of tokens that are repeated; 1 = none
     * @param last index in {@code previous} of the request's newest token where that is not known yet, so that
     *     {@link #count} was not told of it: it counts as generated and repeated once more; else −1
     * @param logprobs −1: none are wanted; else the chosen token's and those of so many of the likeliest
     * @return the row's number
     */
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
        int at = size * WORDS;
        if (at == rows.length) {
            rows = Arrays.copyOf(rows, 2 * rows.length);
        }
        rows[at++] = Float.floatToRawIntBits(temperature);
        rows[at++] = Float.floatToRawIntBits(topP);
        rows[at++] = Float.floatToRawIntBits(minP);
        rows[at++] = Float.floatToRawIntBits(uniform);
        rows[at++] = Float.floatToRawIntBits(presence);
        rows[at++] = Float.floatToRawIntBits(frequency);
        rows[at++] = Float.floatToRawIntBits(repetition);
        rows[at++] = topK;
        rows[at++] = last;
        rows[at++] = counts;
        rows[at++] = counts;
        rows[at++] = biased;
        rows[at++] = biased;
        rows[at++] = -1;
        rows[at] = logprobs;
        most = Math.max(most, logprobs);
        return size++;
    }

    /**
     * How often a token stands in the request of the row added last, as far as it is known; no token twice.
     *
     * @param generated times in the answer
     * @param repeats times in the repetition penalty's window
     */
    public void count(int id, int generated, int repeats) {
        int field = ofLast(COUNTS_TO);
        if (counts == countIds.length) {
            countIds = Arrays.copyOf(countIds, 2 * counts);
            this.generated = Arrays.copyOf(this.generated, 2 * counts);
            this.repeats = Arrays.copyOf(this.repeats, 2 * counts);
        }
        countIds[counts] = id;
        this.generated[counts] = generated;
        this.repeats[counts] = repeats;
        rows[field] = ++counts;
    }

    /** Added to a token's logit in the row added last, −∞ to ban it; no token twice. */
    public void bias(int id, float value) {
        int field = ofLast(BIAS_TO);
        if (biased == biasIds.length) {
            biasIds = Arrays.copyOf(biasIds, 2 * biased);
            biases = Arrays.copyOf(biases, 2 * biased);
        }
        biasIds[biased] = id;
        biases[biased] = value;
        rows[field] = ++biased;
    }

    /**
     * The tokens that may come in the row added last: bit i % 32 of word i / 32 is token i's. One of them comes,
     * whatever bans them all.
     *
     * @param words ⌈vocabulary / 32⌉ of them, at least one bit set; not copied until {@link Mlx#choose} is called
     */
    public void mask(int[] words) {
        int field = ofLast(MASK);
        boolean any = false;
        for (int i = 0; i < words.length && !any; i++) {
            any = words[i] != 0;
        }
        if (!any) {
            throw new IllegalArgumentException("the mask of row " + (size - 1) + " allows no token");
        }
        if (masked == masks.length) {
            masks = Arrays.copyOf(masks, 2 * masked);
        }
        masks[masked] = words;
        rows[field] = masked++;
    }

    private int ofLast(int field) {
        if (size == 0) {
            throw new IllegalStateException("no row was added yet");
        }
        return (size - 1) * WORDS + field;
    }

    /** Most likeliest tokens that a row wants; 0 where none wants any. */
    int top() {
        return Math.max(0, most);
    }

    int counts() {
        return counts;
    }

    int biased() {
        return biased;
    }

    int masks() {
        return masked;
    }

    /** Bytes of scratch that {@link #write} needs. */
    long bytes(int words) {
        return Scratch.words((long) size * WORDS)
                + 3 * Scratch.words(counts)
                + 2 * Scratch.words(biased)
                + (long) masked * Scratch.words(words);
    }

    /** Where the parts were put. */
    record Written(long rows, long countIds, long generated, long repeats, long biasIds, long biases, long masks) {}

    /**
     * Puts everything into memory that was reset for it.
     *
     * @param words of a mask
     */
    Written write(Scratch scratch, int words) {
        for (int i = 0; i < masked; i++) {
            if (masks[i].length != words) {
                throw new IllegalArgumentException(
                        "a mask has " + masks[i].length + " words of 32 bits, the logits take " + words);
            }
        }
        return new Written(
                scratch.ints(rows, size * WORDS),
                scratch.ints(countIds, counts),
                scratch.ints(generated, counts),
                scratch.ints(repeats, counts),
                scratch.ints(biasIds, biased),
                scratch.floats(biases, biased),
                scratch.ints(masks, masked, masked * words));
    }
}
