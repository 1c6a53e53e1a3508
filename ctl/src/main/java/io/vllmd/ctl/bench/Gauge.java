package io.vllmd.ctl.bench;

import io.vllmd.config.Problem;
import java.time.Duration;
import java.util.List;

/**
 * How many tokens a model makes of words: found out by two short requests, since every tokenizer and every template is
 * another.
 *
 * @param perWord tokens that one more word costs
 * @param around tokens of an empty prompt, which the template adds
 * @param known whether the server told; else these are guesses
 */
record Gauge(double perWord, double around, boolean known) {
    private static final int FEW = 40;
    private static final int MANY = 200;

    /** Words that make a prompt of about so many tokens. */
    int words(int tokens) {
        return (int) Math.max(1, Math.round((tokens - around) / perWord));
    }

    /**
     * Measures the model of a server.
     *
     * @throws io.vllmd.config.ProblemException UNAVAILABLE where it gives no answer, with why
     */
    static Gauge of(Target target, Asking asking, Driver driver, long seed) {
        int few = promptTokens(target, asking, driver, FEW, seed);
        int many = promptTokens(target, asking, driver, MANY, seed);
        if (few < 0 || many <= few) {
            return new Gauge(1.3, 12, false);
        }
        double perWord = (many - few) / (double) (MANY - FEW);
        return new Gauge(perWord, few - FEW * perWord, true);
    }

    private static int promptTokens(Target target, Asking asking, Driver driver, int words, long seed) {
        byte[] body = asking.request(target, List.of(Message.user(Words.of(words, seed))), 1);
        Answer answer = driver.run(List.of(new Request(target, body, Request.Kind.STREAM)), 1, Duration.ZERO)
                .getFirst();
        Failure failure = answer.failure();
        if (failure != null && failure.kind() != Failure.Kind.EMPTY) {
            throw Problem.of(
                            Problem.Kind.UNAVAILABLE,
                            target.base() + " answers no request for \"" + target.model() + "\": " + failure.detail(),
                            "url")
                    .asException();
        }
        return answer.promptTokens();
    }
}
