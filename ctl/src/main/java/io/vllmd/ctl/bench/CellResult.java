package io.vllmd.ctl.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One cell, measured.
 *
 * @param baseline null where there is none
 * @param ratio null where there is no baseline
 * @param skipped why it was not measured, or ""
 * @param broken limits that it breaks
 */
public record CellResult(
        Cell cell,
        Measured server,
        @Nullable Measured baseline,
        @Nullable Ratio ratio,
        String skipped,
        List<String> broken) {

    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("promptTokens", cell.promptTokens());
        tree.put("tokens", cell.tokens());
        tree.put("cache", cell.cache().word());
        tree.put("streams", cell.streams());
        if (!skipped.isEmpty()) {
            tree.put("skipped", skipped);
            return tree;
        }
        tree.put("server", server.tree());
        if (baseline != null) {
            tree.put("baseline", baseline.tree());
        }
        if (ratio != null) {
            tree.put("ratio", ratio.tree());
        }
        tree.put("brokenLimits", broken);
        return tree;
    }
}
