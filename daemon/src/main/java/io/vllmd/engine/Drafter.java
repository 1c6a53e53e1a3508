package io.vllmd.engine;

import java.util.List;

/**
 * Guesses the tokens that come next of several sequences at once, by work on the device: a smaller model of the same
 * vocabulary, or a head of the model itself that predicts several tokens ahead. What it guesses is verified, so it may be
 * wrong, and costs time, so it is asked only where that is measured to win. Belongs to the MLX thread.
 */
interface Drafter extends AutoCloseable {
    /**
     * Guesses {@code count} tokens each. Waits for the device.
     *
     * @param sequences all of whose tokens the host knows
     * @return of each sequence its tokens; none of one that has to be read first, which has begun, or for which memory
     *     is short
     */
    List<int[]> guess(List<Sequence> sequences, int count);

    /** Whether it can ever guess for this sequence. */
    boolean serves(Sequence sequence);

    /** Estimated nanoseconds of guessing one token for each of so many sequences; 0 where that was never measured. */
    double nanos(int sequences);

    /** Gives back what it holds for sequences that are not among these. */
    void keepOnly(List<Sequence> running);

    /** Bytes of the pages that it holds, those of cached prefixes included; from any thread. */
    long kvBytes();

    /** Bytes of these that can be given up; from any thread. */
    long kvEvictableBytes();

    @Override
    void close();
}
