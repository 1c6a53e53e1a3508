package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Scope;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns planned runs into one forward pass with sampling, and submits it. Call with a scope open. */
final class StepBuilder {
    /** Room for this much of an answer is made at first: most are shorter, and a sequence can move. */
    private static final int FIRST_ANSWER = 256;

    private final LanguageModel model;
    private final KvCache cache;
    private long submittedSteps;

    StepBuilder(LanguageModel model, KvCache cache) {
        this.model = model;
        this.cache = cache;
    }

    /**
     * Builds and submits a step, and moves its sequences forward. Throws before any sequence was moved.
     *
     * @param previous the step before it, whose tokens may be still in the making
     * @param batch most sequences that the cache should make room for
     */
    Step submit(List<Step.Run> planned, @Nullable Step previous, Scope scope, int batch) {
        List<KvSlot> left = new ArrayList<>(0);
        List<Step.Run> runs = place(planned, batch, left);
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
        left.forEach(cache::release);
        return step;
    }

    /**
     * Gives every run a slot with room for its rows, and orders the runs by capacity class.
     *
     * @param left takes the slots that sequences moved out of
     */
    private List<Step.Run> place(List<Step.Run> planned, int batch, List<KvSlot> left) {
        boolean ordered = true;
        CapacityClass last = null;
        for (Step.Run run : planned) {
            Sequence sequence = run.sequence();
            int needed = sequence.written + run.tokens();
            KvSlot slot = sequence.slot;
            if (slot == null) {
                GenerationRequest request = sequence.request;
                slot = cache.take(request.prompt().length + Math.min(request.maxTokens(), FIRST_ANSWER), batch);
            } else if (slot.home.capacity < needed) {
                left.add(slot);
                slot = cache.copy(slot, needed, batch);
            }
            sequence.slot = slot;
            ordered &= last == null || last.order <= slot.home.order;
            last = slot.home;
        }
        if (ordered) {
            return planned;
        }
        List<Step.Run> sorted = new ArrayList<>(planned);
        sorted.sort(Comparator.comparingInt(run -> slotOf(run).home.order));
        return sorted;
    }

    private static KvSlot slotOf(Step.Run run) {
        KvSlot slot = run.sequence().slot;
        if (slot == null) {
            throw new IllegalStateException("request " + run.sequence().request.id() + " has no slot");
        }
        return slot;
    }

    private static void addRows(SlotStep step, List<Step.Run> runs) {
        int start = 0;
        while (start < runs.size()) {
            CapacityClass home = slotOf(runs.get(start)).home;
            int end = start;
            int rows = 0;
            while (end < runs.size() && slotOf(runs.get(end)).home == home) {
                rows += runs.get(end++).tokens();
            }
            int[] slots = new int[rows];
            int[] positions = new int[rows];
            int row = 0;
            for (Step.Run run : runs.subList(start, end)) {
                for (int i = 0; i < run.tokens(); i++) {
                    slots[row] = slotOf(run).index;
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
            slotOf(run).length = run.sequence().written;
        }
        for (int i = 0; i < step.samples().size(); i++) {
            Sequence sequence = step.samples().get(i);
            sequence.sampled++;
            sequence.pending = step.number();
            sequence.pendingRow = i;
        }
    }
}
