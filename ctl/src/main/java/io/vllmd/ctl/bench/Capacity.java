package io.vllmd.ctl.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How many streams a server holds within the limits, for one kind of request.
 *
 * @param streams the most, of those measured, at which it and all fewer hold; 0 where not even the fewest do
 */
public record Capacity(int promptTokens, int tokens, CacheUse cache, int streams) {

    private record Kind(int promptTokens, int tokens, CacheUse cache) {}

    static List<Capacity> of(List<CellResult> results) {
        var kinds = new LinkedHashMap<Kind, List<CellResult>>();
        for (CellResult result : results) {
            Cell cell = result.cell();
            if (result.skipped().isEmpty()) {
                kinds.computeIfAbsent(
                                new Kind(cell.promptTokens(), cell.tokens(), cell.cache()), k -> new ArrayList<>())
                        .add(result);
            }
        }
        var capacities = new ArrayList<Capacity>();
        kinds.forEach((kind, cells) -> {
            int broken = cells.stream()
                    .filter(result -> !result.broken().isEmpty())
                    .mapToInt(result -> result.cell().streams())
                    .min()
                    .orElse(Integer.MAX_VALUE);
            int held = cells.stream()
                    .mapToInt(result -> result.cell().streams())
                    .filter(streams -> streams < broken)
                    .max()
                    .orElse(0);
            capacities.add(new Capacity(kind.promptTokens(), kind.tokens(), kind.cache(), held));
        });
        return capacities;
    }

    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("promptTokens", promptTokens);
        tree.put("tokens", tokens);
        tree.put("cache", cache.word());
        tree.put("streams", streams);
        return tree;
    }
}
