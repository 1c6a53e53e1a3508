package io.vllmd.engine;

import io.vllmd.mlx.DevicePolicy;
import java.util.ArrayList;
import java.util.List;

/** Decides what the next step does: a token for every answer, and as much of the prompts as the budget allows. */
final class StepPlanner {
    private final Engine engine;
    private final LaneLoop loop;
    private final Admission admission;
    private final StepCosts costs;
    private final Guesses guesses;
    private final int contextLength;

    StepPlanner(
            Engine engine, LaneLoop loop, Admission admission, StepCosts costs, Guesses guesses, int contextLength) {
        this.engine = engine;
        this.loop = loop;
        this.admission = admission;
        this.costs = costs;
        this.guesses = guesses;
        this.contextLength = contextLength;
    }

    List<Step.Run> plan(List<Sequence> active, EngineLimits limits) {
        List<Step.Run> runs = new ArrayList<>(active.size());
        List<Sequence> answers = new ArrayList<>(active.size());
        List<Sequence> prompts = new ArrayList<>(0);
        for (Sequence each : active) {
            if (!each.runnable(contextLength)) {
                continue;
            }
            if (each.decodes()) {
                answers.add(each);
            } else {
                prompts.add(each);
            }
        }
        for (Sequence each : answers) {
            runs.add(new Step.Run(each, 1, guesses.of(each, answers.size())));
        }
        prompts.sort(WaitingLine.ORDER);
        prompts.removeIf(each -> !admission.mayRead(each));
        if (!prompts.isEmpty()) {
            boolean decodesHere = !runs.isEmpty();
            boolean decodes = decodesHere || engine.decodesBeside(loop);
            int chunk = Math.min(
                    PrefillPlanner.tokens(limits, costs, decodes, decodesHere, engine.busyLanes()),
                    DevicePolicy.applied().prefillChunk());
            int[] remaining = prompts.stream().mapToInt(Sequence::unread).toArray();
            int[] shares = PrefillPlanner.share(remaining, chunk);
            for (int i = 0; i < shares.length; i++) {
                if (shares[i] > 0) {
                    runs.add(new Step.Run(prompts.get(i), shares[i]));
                }
            }
        }
        return runs;
    }

    /**
     * Whether the next step must wait for the last one's tokens, since how many they are is open, or had better, to guess
     * what comes after them.
     */
    boolean waits(List<Choice> unread, List<Sequence> active, EngineLimits limits) {
        boolean wanted = guesses.wanted(active, limits);
        return wanted || unread.stream().anyMatch(Choice::guesses);
    }
}
