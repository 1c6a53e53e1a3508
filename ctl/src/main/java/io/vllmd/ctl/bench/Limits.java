package io.vllmd.ctl.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a server must hold. Each is null where there is no such limit.
 *
 * @param firstP95 most milliseconds to the first text, of 95 requests in 100
 * @param gapP95 most milliseconds between two events of an answer, of 95 in 100
 * @param gapLongest most milliseconds between two events of an answer, of all
 * @param wholeP95 most milliseconds to the end of an answer, of 95 requests in 100
 * @param failures most requests of a cell that fail
 * @param ratio least tokens a second as a multiple of the baseline's
 */
public record Limits(
        @Nullable Double firstP95,
        @Nullable Double gapP95,
        @Nullable Double gapLongest,
        @Nullable Double wholeP95,
        @Nullable Integer failures,
        @Nullable Double ratio) {

    public boolean any() {
        return firstP95 != null
                || gapP95 != null
                || gapLongest != null
                || wholeP95 != null
                || failures != null
                || ratio != null;
    }

    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        put(tree, "maxP95TtftMs", firstP95);
        put(tree, "maxP95GapMs", gapP95);
        put(tree, "maxGapMs", gapLongest);
        put(tree, "maxP95EndToEndMs", wholeP95);
        put(tree, "maxFailures", failures);
        put(tree, "minRatio", ratio);
        return tree;
    }

    private static void put(Map<String, Object> tree, String name, @Nullable Number value) {
        if (value != null) {
            tree.put(name, value);
        }
    }

    /** The limits that this cell breaks, each in words; where all requests failed, it breaks every one. */
    List<String> broken(Measured side, @Nullable Ratio ratioToBaseline) {
        var broken = new ArrayList<String>();
        above(broken, "p95 of the time to first token", side.firstMillis().p95(), firstP95);
        above(broken, "p95 of the gaps", side.gapMillis().p95(), gapP95);
        above(broken, "longest gap", longest(side), gapLongest);
        above(broken, "p95 of the whole answer", side.wholeMillis().p95(), wholeP95);
        if (failures != null && side.failed() > failures) {
            broken.add(side.failed() + " of " + side.requests() + " requests failed, at most " + failures + " may");
        }
        if (ratio != null && (ratioToBaseline == null || !(ratioToBaseline.tokensPerSecond() >= ratio))) {
            broken.add(String.format(
                    Locale.ROOT,
                    "%.2f times the baseline's tokens a second, at least %.2f are asked for",
                    ratioToBaseline == null ? 0 : ratioToBaseline.tokensPerSecond(),
                    ratio));
        }
        return broken;
    }

    private static double longest(Measured side) {
        return side.gapMeanwhile().isEmpty()
                ? side.gapMillis().most()
                : side.gapMeanwhile().most();
    }

    private static void above(List<String> broken, String what, double value, @Nullable Double limit) {
        if (limit != null && !(value <= limit)) {
            broken.add(String.format(Locale.ROOT, "%s is %.1f ms, at most %.1f may be", what, value, limit));
        }
    }
}
