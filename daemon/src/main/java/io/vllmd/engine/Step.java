package io.vllmd.engine;

import io.vllmd.mlx.Array;
import java.util.List;

/**
 * A forward pass in flight.
 *
 * @param number counts the lane's steps, from 1
 * @param runs its rows
 * @param samples the sequence that each sampled token belongs to; empty where prompts were read and none ended
 * @param tokens int32, the sampled tokens; owned by this step. At least one, so that reading it is a way to wait.
 * @param promptTokens prompt tokens among the rows
 * @param decodeRows the other rows
 * @param submitted when evaluation was asked for, by {@link System#nanoTime}
 * @param encoding nanoseconds that asking took
 */
record Step(
        long number,
        List<Run> runs,
        List<Sequence> samples,
        Array tokens,
        int promptTokens,
        int decodeRows,
        long submitted,
        long encoding) {

    /**
     * Adjacent rows of one sequence: its next prompt tokens, or its newest answer token.
     *
     * @param tokens how many
     */
    record Run(Sequence sequence, int tokens) {}
}
