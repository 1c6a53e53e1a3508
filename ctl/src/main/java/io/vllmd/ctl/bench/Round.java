package io.vllmd.ctl.bench;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What one side did in one round.
 *
 * @param answers one for each request
 * @param admitted the answer to the prompt that joined late, or null
 */
record Round(List<Answer> answers, @Nullable Answer admitted) {

    List<Answer> whole() {
        return answers.stream().filter(Answer::ok).toList();
    }

    /** Tokens of answers over the time from the first request sent to the last answer complete; NaN where none was. */
    double tokensPerSecond() {
        long begin = answers.stream().mapToLong(Answer::sent).min().orElse(0);
        long end = answers.stream().mapToLong(Answer::ended).max().orElse(0);
        long tokens = whole().stream().mapToLong(Answer::tokens).sum();
        return tokens == 0 ? Double.NaN : tokens * 1e9 / (end - begin);
    }

    /**
     * Tokens over time while all streams decode: from the last one's first token to the first one's last. NaN where
     * they never did so together.
     */
    double decodeTokensPerSecond() {
        List<Answer> whole = whole();
        long from = whole.stream().mapToLong(answer -> answer.texts()[0]).max().orElse(0);
        long to = whole.stream()
                .mapToLong(answer -> answer.texts()[answer.texts().length - 1])
                .min()
                .orElse(0);
        if (to <= from) {
            return Double.NaN;
        }
        double tokens = 0;
        for (Answer answer : whole) {
            long events = LongStream.of(answer.texts())
                    .filter(time -> time > from && time <= to)
                    .count();
            // A token may bring no text of its own, and an event may hold several.
            tokens += events * (double) answer.tokens() / answer.texts().length;
        }
        return tokens * 1e9 / (to - from);
    }

    /** Prompt tokens that were read over the time until all had their first token; NaN where usage does not tell. */
    double prefillTokensPerSecond() {
        List<Answer> whole = whole();
        if (whole.isEmpty() || whole.stream().anyMatch(answer -> answer.promptTokens() < 0)) {
            return Double.NaN;
        }
        long begin = whole.stream().mapToLong(Answer::sent).min().orElse(0);
        long end = whole.stream().mapToLong(answer -> answer.texts()[0]).max().orElse(0);
        long tokens = whole.stream()
                .mapToLong(answer -> answer.promptTokens() - Math.max(0, answer.cachedTokens()))
                .sum();
        return tokens * 1e9 / (end - begin);
    }

    /** Longest gap of a stream that ends before this time and begins after {@code from}, in nanoseconds. */
    private long longestGap(long from, long to) {
        long longest = 0;
        for (Answer answer : whole()) {
            long[] texts = answer.texts();
            for (int i = 1; i < texts.length; i++) {
                if (texts[i] > from && texts[i - 1] < to) {
                    longest = Math.max(longest, texts[i] - texts[i - 1]);
                }
            }
        }
        return longest;
    }

    /** Longest gap, in ms, of running streams before the late prompt was sent. */
    double gapBefore() {
        return admitted == null ? Double.NaN : longestGap(Long.MIN_VALUE, admitted.sent()) / 1e6;
    }

    /** The same from then to its first token. */
    double gapMeanwhile() {
        return admitted == null || !admitted.ok() ? Double.NaN : longestGap(admitted.sent(), admitted.texts()[0]) / 1e6;
    }

    /** Whether all streams still ran when the late prompt had its first token. */
    boolean coversAdmission() {
        return admitted != null
                && admitted.ok()
                && whole().stream().allMatch(answer -> answer.ended() > admitted.texts()[0]);
    }

    static double[] values(List<Round> rounds, java.util.function.ToDoubleFunction<Round> of) {
        return rounds.stream()
                .mapToDouble(of)
                .filter(value -> !Double.isNaN(value))
                .toArray();
    }

    static double[] eachMillis(List<Round> rounds, java.util.function.Function<Answer, long[]> of) {
        return rounds.stream()
                .flatMap(round -> round.whole().stream())
                .flatMapToDouble(answer -> Arrays.stream(of.apply(answer)).mapToDouble(nanos -> nanos / 1e6))
                .toArray();
    }
}
