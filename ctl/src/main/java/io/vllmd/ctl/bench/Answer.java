package io.vllmd.ctl.bench;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One request and what came of it. Times are of System.nanoTime.
 *
 * @param sent before the connection was made
 * @param texts when each event with text in it came
 * @param ended when the last byte came
 * @param promptTokens as the server's usage tells, or -1 where it tells none; so are the next two
 * @param cachedTokens tokens of the prompt that the server did not have to read again
 * @param text what was answered, where it was to be kept; the body, where it was no stream
 */
record Answer(
        long sent,
        long[] texts,
        long ended,
        int promptTokens,
        int completionTokens,
        int cachedTokens,
        String text,
        @Nullable Failure failure) {

    boolean ok() {
        return failure == null;
    }

    long firstNanos() {
        return texts[0] - sent;
    }

    long wholeNanos() {
        return ended - sent;
    }

    /** Times between events with text, one fewer than events. */
    long[] gaps() {
        long[] gaps = new long[Math.max(0, texts.length - 1)];
        Arrays.setAll(gaps, i -> texts[i + 1] - texts[i]);
        return gaps;
    }

    /** As usage tells; where that is missing, an event is taken for a token. */
    int tokens() {
        return completionTokens >= 0 ? completionTokens : texts.length;
    }
}
