package io.vllmd.ctl.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that was measured.
 *
 * @param baseline null where there is none
 * @param loadAtEnd as the machine's load before
 * @param tokensGuessed whether lengths of prompts are guesses, because the server's usage does not tell
 */
public record Result(
        Plan plan,
        Limits limits,
        ServerFacts server,
        @Nullable ServerFacts baseline,
        MachineFacts machine,
        String startedAt,
        double loadAtEnd,
        boolean tokensGuessed,
        List<CellResult> cells) {
    /** Grows when a member changes its meaning or goes away. */
    public static final int SCHEMA = 1;

    public boolean breaksLimits() {
        return cells.stream().anyMatch(cell -> !cell.broken().isEmpty());
    }

    /** For each kind of request how many streams are held; empty where there are no limits to hold. */
    public List<Capacity> capacities() {
        return limits.any() ? Capacity.of(cells) : List.of();
    }

    public Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("benchSchema", SCHEMA);
        tree.put("startedAt", startedAt);
        var machineTree = new LinkedHashMap<String, Object>(machine.tree());
        machineTree.put("loadBefore", machine.load());
        machineTree.put("loadAfter", loadAtEnd);
        tree.put("machine", machineTree);
        tree.put("server", server.tree());
        if (baseline != null) {
            tree.put("baseline", baseline.tree());
        }
        var settings = new LinkedHashMap<String, Object>();
        settings.put("rounds", plan.rounds());
        settings.put("warmUps", plan.warmUps());
        settings.put("requestsPerRound", plan.requests());
        settings.put("paceMs", plan.pace().toMillis());
        settings.put("admitTokens", plan.admitTokens());
        settings.put("givenPrompts", plan.prompts().size());
        settings.put("answersToTheLimit", plan.toTheLimit());
        settings.put("body", plan.body());
        settings.put("seed", plan.seed());
        settings.put("promptLengthsGuessed", tokensGuessed);
        tree.put("settings", settings);
        if (limits.any()) {
            tree.put("limits", limits.tree());
            tree.put("capacity", capacities().stream().map(Capacity::tree).toList());
        }
        tree.put("cells", cells.stream().map(CellResult::tree).toList());
        return tree;
    }
}
