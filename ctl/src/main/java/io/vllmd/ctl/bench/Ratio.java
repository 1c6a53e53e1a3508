package io.vllmd.ctl.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The server as a multiple of the baseline: above 1 it has more tokens a second, or takes longer.
 *
 * @param tokensPerSecond median over pairs of neighbouring rounds
 * @param least of these pairs
 * @param most of these pairs
 */
public record Ratio(double tokensPerSecond, double least, double most, double decode, double first, double gap) {

    static Ratio of(List<Round> server, List<Round> baseline) {
        var pairs = new ArrayList<Double>();
        for (int i = 0; i < Math.min(server.size(), baseline.size()); i++) {
            double ratio = server.get(i).tokensPerSecond() / baseline.get(i).tokensPerSecond();
            if (!Double.isNaN(ratio)) {
                pairs.add(ratio);
            }
        }
        Spread spread =
                Spread.of(pairs.stream().mapToDouble(Double::doubleValue).toArray());
        Measured a = Measured.of(server);
        Measured b = Measured.of(baseline);
        return new Ratio(
                spread.p50(),
                spread.least(),
                spread.most(),
                a.decodeTokensPerSecond().p50() / b.decodeTokensPerSecond().p50(),
                a.firstMillis().p50() / b.firstMillis().p50(),
                a.gapMillis().p50() / b.gapMillis().p50());
    }

    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        put(tree, "tokensPerSecond", tokensPerSecond);
        put(tree, "tokensPerSecondMin", least);
        put(tree, "tokensPerSecondMax", most);
        put(tree, "decodeTokensPerSecond", decode);
        put(tree, "ttft", first);
        put(tree, "gap", gap);
        return tree;
    }

    private static void put(Map<String, Object> tree, String name, double value) {
        if (Double.isFinite(value)) {
            tree.put(name, Spread.rounded(value));
        }
    }
}
