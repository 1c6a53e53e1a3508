package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Scope;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns planned runs into one forward pass with sampling, and submits it. Call with a scope open. */
final class StepBuilder {
    private final LanguageModel model;
    private final SlotPlacement placement;
    private long submittedSteps;

    StepBuilder(LanguageModel model, SlotPlacement placement) {
        this.model = model;
        this.placement = placement;
    }

    /**
     * Builds and submits a step, and moves its sequences forward. Throws before any sequence was moved.
     *
     * @param previous the step before it, whose tokens may be still in the making
     */
    Step submit(List<Step.Run> planned, @Nullable Step previous, Scope scope) {
        List<Step.Run> runs = placement.place(planned);
        int rows = 0;
        for (Step.Run run : runs) {
            rows += run.tokens();
        }
        int[] ids = new int[rows];
        int[] from = new int[rows];
        int[] logitRows = new int[runs.size()];
        List<Sequence> samples = new ArrayList<>(runs.size());
        int promptTokens = 0;
        int row = 0;
        for (Step.Run run : runs) {
            Sequence sequence = run.sequence();
            Arrays.fill(from, row, row + run.tokens(), -1);
            boolean prompt = sequence.unread() > 0;
            if (prompt) {
                System.arraycopy(sequence.request.prompt(), sequence.written, ids, row, run.tokens());
                promptTokens += run.tokens();
            } else if (sequence.pending == 0) {
                ids[row] = sequence.lastToken;
            } else if (previous != null && sequence.pending == previous.number()) {
                from[row] = sequence.pendingRow;
            } else {
                throw new IllegalStateException(
                        "request " + sequence.request.id() + " waits for a token of a step that is not the last");
            }
            row += run.tokens();
            if (!prompt || run.tokens() == sequence.unread()) {
                logitRows[samples.size()] = row - 1;
                samples.add(sequence);
            }
        }
        // Where no row samples, the last one's logits make the step something to wait for.
        int[] wanted = samples.isEmpty() ? new int[] {rows - 1} : Arrays.copyOf(logitRows, samples.size());

        Array tokens;
        try (SlotStep kv = new SlotStep()) {
            addRows(kv, runs);
            Array input = Mlx.stepTokens(previous == null ? null : previous.tokens(), from, ids);
            tokens = sample(model.forward(input, kv, wanted), samples);
        }
        long submitted = System.nanoTime();
        Mlx.asyncEval(tokens);
        long encoding = System.nanoTime() - submitted;
        Step step = new Step(
                ++submittedSteps,
                runs,
                samples,
                scope.keep(tokens),
                promptTokens,
                rows - promptTokens,
                submitted,
                encoding);
        advance(step);
        placement.submitted();
        return step;
    }

    private static void addRows(SlotStep step, List<Step.Run> runs) {
        int start = 0;
        while (start < runs.size()) {
            CapacityClass home = runs.get(start).sequence().slot().home;
            int end = start;
            int rows = 0;
            while (end < runs.size() && runs.get(end).sequence().slot().home == home) {
                rows += runs.get(end++).tokens();
            }
            int[] slots = new int[rows];
            int[] positions = new int[rows];
            int row = 0;
            for (Step.Run run : runs.subList(start, end)) {
                for (int i = 0; i < run.tokens(); i++) {
                    slots[row] = run.sequence().slot().index;
                    positions[row++] = run.sequence().written + i;
                }
            }
            step.add(home, slots, positions);
            start = end;
        }
    }

    private static Array sample(Array logits, List<Sequence> samples) {
        int n = Math.max(1, samples.size());
        float[] temperature = new float[n];
        int[] topK = new int[n];
        float[] topP = new float[n];
        float[] minP = new float[n];
        float[] uniform = new float[n];
        topP[0] = 1;
        for (int i = 0; i < samples.size(); i++) {
            Sequence sequence = samples.get(i);
            Sampling sampling = sequence.request.sampling();
            temperature[i] = sampling.temperature();
            topK[i] = sampling.topK();
            topP[i] = sampling.topP();
            minP[i] = sampling.minP();
            if (sampling.temperature() > 0) {
                // The position that the token will stand at: unlike a step's number it is the request's own.
                uniform[i] = SeededUniform.at(sampling.seed(), sequence.request.prompt().length + sequence.sampled);
            }
        }
        return Mlx.sample(logits, temperature, topK, topP, minP, uniform);
    }

    private static void advance(Step step) {
        for (Step.Run run : step.runs()) {
            run.sequence().written += run.tokens();
            run.sequence().slot().length = run.sequence().written;
        }
        for (int i = 0; i < step.samples().size(); i++) {
            Sequence sequence = step.samples().get(i);
            sequence.sampled++;
            sequence.pending = step.number();
            sequence.pendingRow = i;
        }
    }
}
