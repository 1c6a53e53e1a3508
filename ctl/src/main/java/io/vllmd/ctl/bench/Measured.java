package io.vllmd.ctl.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToIntFunction;

/**
 * What one side did in one cell, all rounds together.
 *
 * @param firstMillis from sending a request to its first text
 * @param gapMillis between events with text inside an answer
 * @param wholeMillis from sending a request to its end
 * @param tokensPerSecond of each round, prompts included
 * @param decodeTokensPerSecond of each round, while all streams decode
 * @param prefillTokensPerSecond of each round: prompt tokens that were read, over the time until all had a first token
 * @param promptTokens of each request, as the server's usage tells
 * @param cachedTokens of these, how many were not read again; empty where usage does not tell
 * @param gapBefore longest gap of each round before a late prompt joined
 * @param gapMeanwhile longest gap of each round while the late prompt was read
 * @param admittedMillis time of the late prompt's first token
 * @param outlived late prompts whose reading the streams did not outlast, so that their gaps prove little
 * @param requests asked for
 * @param failures how many failed in which way
 * @param details one example of each way
 */
public record Measured(
        Spread firstMillis,
        Spread gapMillis,
        Spread wholeMillis,
        Spread tokensPerSecond,
        Spread decodeTokensPerSecond,
        Spread prefillTokensPerSecond,
        Spread promptTokens,
        Spread completionTokens,
        Spread cachedTokens,
        Spread gapBefore,
        Spread gapMeanwhile,
        Spread admittedMillis,
        int outlived,
        int requests,
        Map<String, Integer> failures,
        List<String> details) {

    static Measured of(List<Round> rounds) {
        var failures = new TreeMap<String, Integer>();
        var details = new TreeMap<String, String>();
        var late = rounds.stream()
                .flatMap(round -> java.util.Optional.ofNullable(round.admitted()).stream())
                .toList();
        var all = new ArrayList<Answer>(late);
        rounds.forEach(round -> all.addAll(round.answers()));
        for (Answer answer : all) {
            Failure failure = answer.failure();
            if (failure != null) {
                String kind = failure.kind().name().toLowerCase(java.util.Locale.ROOT);
                failures.merge(kind, 1, Integer::sum);
                details.putIfAbsent(kind, failure.detail());
            }
        }
        return new Measured(
                Spread.of(Round.eachMillis(rounds, answer -> new long[] {answer.firstNanos()})),
                Spread.of(Round.eachMillis(rounds, Answer::gaps)),
                Spread.of(Round.eachMillis(rounds, answer -> new long[] {answer.wholeNanos()})),
                Spread.of(Round.values(rounds, Round::tokensPerSecond)),
                Spread.of(Round.values(rounds, Round::decodeTokensPerSecond)),
                Spread.of(Round.values(rounds, Round::prefillTokensPerSecond)),
                tokens(rounds, Answer::promptTokens),
                tokens(rounds, Answer::tokens),
                tokens(rounds, Answer::cachedTokens),
                Spread.of(Round.values(rounds, Round::gapBefore)),
                Spread.of(Round.values(rounds, Round::gapMeanwhile)),
                Spread.of(late.stream()
                        .filter(Answer::ok)
                        .mapToDouble(answer -> answer.firstNanos() / 1e6)
                        .toArray()),
                (int) rounds.stream()
                        .filter(round -> round.admitted() != null && !round.coversAdmission())
                        .count(),
                all.size(),
                failures,
                List.copyOf(details.values()));
    }

    private static Spread tokens(List<Round> rounds, ToIntFunction<Answer> of) {
        return Spread.of(rounds.stream()
                .flatMap(round -> round.whole().stream())
                .mapToInt(of)
                .filter(count -> count >= 0)
                .asDoubleStream()
                .toArray());
    }

    public int failed() {
        return failures.values().stream().mapToInt(Integer::intValue).sum();
    }

    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("ttftMs", firstMillis.tree());
        tree.put("gapMs", gapMillis.tree());
        tree.put("endToEndMs", wholeMillis.tree());
        tree.put("tokensPerSecond", tokensPerSecond.tree());
        tree.put("decodeTokensPerSecond", decodeTokensPerSecond.tree());
        tree.put("prefillTokensPerSecond", prefillTokensPerSecond.tree());
        tree.put("promptTokens", promptTokens.tree());
        tree.put("completionTokens", completionTokens.tree());
        tree.put("cachedTokens", cachedTokens.tree());
        if (!gapBefore.isEmpty()) {
            var admission = new LinkedHashMap<String, Object>();
            admission.put("longestGapBeforeMs", gapBefore.tree());
            admission.put("longestGapMeanwhileMs", gapMeanwhile.tree());
            admission.put("ttftMs", admittedMillis.tree());
            admission.put("outlivedStreams", outlived);
            tree.put("admission", admission);
        }
        tree.put("requests", requests);
        tree.put("failures", failures);
        tree.put("failureDetails", details);
        return tree;
    }
}
