package io.vllmd.engine;

import io.vllmd.engine.cache.Match;
import io.vllmd.mlx.Array;
import io.vllmd.mlx.KvPages;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.SamplingRows;
import io.vllmd.mlx.Scope;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Turns planned runs into one forward pass with sampling, and submits it. Call with a scope open. */
final class StepBuilder {
    private final LanguageModel model;
    private final KvCache cache;
    private final SamplingRows rows = new SamplingRows();

    StepBuilder(LanguageModel model, KvCache cache) {
        this.model = model;
        this.cache = cache;
    }

    /**
     * Builds and submits a step, and moves its sequences forward. Throws before any sequence was moved.
     *
     * @param planned runs whose sequences have pages for their rows
     * @param unread what was submitted before and is perhaps still in the making
     * @param bound see {@link PagedStep}
     */
    Step submit(List<Step.Run> planned, List<Choice> unread, int bound, Scope scope) {
        StepTokens input = new StepTokens(planned, unread);
        List<Choice.Sample> samples = new ArrayList<>(planned.size());
        List<Step.Run> guided = new ArrayList<>(0);
        int[] wanted = wantedRows(planned, samples, guided, input.rows());

        Choice choice;
        HeldLogits held = null;
        // Where one row must not depend on the others, the kernels are those for which no row does.
        Mlx.rowIndependent(
                planned.stream().anyMatch(run -> run.sequence().request.deterministic()));
        try (PagedStep kv = PagedStep.of(cache, planned, bound)) {
            Array logits = model.forward(copyPages(planned, input.build()), kv, wanted);
            int direct = wanted.length;
            for (Step.Run run : guided) {
                direct -= 1 + run.drafts().length;
            }
            if (!guided.isEmpty()) {
                held = new HeldLogits(scope.keep(Mlx.rows(logits, range(direct, wanted.length))), guided.size());
            }
            choice = choose(
                    direct == wanted.length ? logits : Mlx.rows(logits, range(0, direct)), samples, input, scope);
        }
        long submitted = System.nanoTime();
        if (held == null) {
            Mlx.asyncEval(choice.tokens());
        } else {
            Mlx.asyncEval(choice.tokens(), held.logits);
        }
        long encoding = System.nanoTime() - submitted;
        int decodeRows = 0;
        for (Step.Run run : planned) {
            decodeRows += run.sequence().decodes() ? run.rows() : 0;
        }
        advance(planned, choice);
        int heldRow = 0;
        for (Step.Run run : guided) {
            Sequence sequence = run.sequence();
            // The newest token is read with the choice that made it.
            sequence.held = held;
            sequence.heldRow = heldRow;
            sequence.heldGuesses = run.drafts();
            heldRow += 1 + run.drafts().length;
        }
        return new Step(planned, choice, input.rows() - decodeRows, decodeRows, submitted, encoding);
    }

    /** Samples rows of held logits whose guides have said what may come. */
    Choice submit(List<GuidedRows.Ready> ready, Scope scope) {
        List<Array> parts = new ArrayList<>(1);
        List<Choice.Sample> samples = new ArrayList<>(ready.size());
        rows.clear();
        int row = 0;
        for (GuidedRows.Ready each : ready) {
            Sequence sequence = each.sequence();
            HeldLogits held = Objects.requireNonNull(sequence.held);
            int count = 1 + each.guesses().length;
            parts.add(Mlx.rows(held.logits, range(sequence.heldRow, sequence.heldRow + count)));
            sequence.sampling.addTo(rows, -1, each.mask(0));
            sequence.sampling.addDrafts(rows, each.guesses(), i -> each.mask(i + 1));
            samples.add(new Choice.Sample(sequence, row, each.guesses()));
            row += count;
        }
        Array logits = parts.size() == 1 ? parts.getFirst() : Mlx.concatenate(0, parts.toArray(Array[]::new));
        Choice choice = new Choice(scope, Mlx.choose(logits, rows, null), samples);
        Mlx.asyncEval(choice.tokens());
        for (Choice.Sample each : samples) {
            Sequence sequence = each.sequence();
            sequence.releaseHeld(each.drafts().length);
            sequence.pending = choice;
            sequence.pendingRow = each.row();
        }
        return choice;
    }

    /** Rows whose logits are wanted: those sampled at once, then those of guided sequences. */
    private static int[] wantedRows(
            List<Step.Run> runs, List<Choice.Sample> samples, List<Step.Run> guided, int rowCount) {
        int[] direct = new int[rowCount];
        int[] later = new int[rowCount];
        int laterCount = 0;
        int count = 0;
        int end = 0;
        for (Step.Run run : runs) {
            end += run.rows();
            if (!run.samples()) {
                continue;
            }
            if (run.sequence().request.guide() != null) {
                for (int i = run.drafts().length; i >= 0; i--) {
                    later[laterCount++] = end - 1 - i;
                }
                guided.add(run);
                continue;
            }
            samples.add(new Choice.Sample(run.sequence(), count, run.drafts()));
            for (int i = run.drafts().length; i >= 0; i--) {
                direct[count++] = end - 1 - i;
            }
        }
        if (count == 0) {
            // One row's token makes the step something to wait for.
            direct[count++] = rowCount - 1;
        }
        int[] wanted = new int[count + laterCount];
        System.arraycopy(direct, 0, wanted, 0, count);
        System.arraycopy(later, 0, wanted, count, laterCount);
        return wanted;
    }

    private Choice choose(Array logits, List<Choice.Sample> samples, StepTokens input, Scope scope) {
        rows.clear();
        for (Choice.Sample sample : samples) {
            SamplingPlan plan = sample.sequence().sampling;
            plan.addTo(rows, input.indexOf(sample.sequence()), null);
            plan.addDrafts(rows, sample.drafts(), i -> null);
        }
        if (samples.isEmpty()) {
            rows.add(0, 0, 1, 0, 0, 0, 0, 1, -1, -1);
        }
        return new Choice(scope, Mlx.choose(logits, rows, input.previous()), samples);
    }

    /** Fills the first part of last pages that begin like another sequence's. */
    private Array copyPages(List<Step.Run> runs, Array tokens) {
        Array ordered = tokens;
        for (int group = 0; group < cache.groups().size(); group++) {
            List<int[]> copies = new ArrayList<>(0);
            for (Step.Run run : runs) {
                Sequence sequence = run.sequence();
                Match.Partial copy = sequence.copy;
                if (copy != null && copy.pages()[group] >= 0) {
                    int last = sequence.written / KvCache.PAGE;
                    copies.add(new int[] {sequence.tables.get(group).get(last), copy.pages()[group], copy.tokens()});
                }
            }
            if (!copies.isEmpty()) {
                ordered = KvPages.copy(
                        ordered,
                        cache.layersOf(group),
                        copies.stream().mapToInt(each -> each[0]).toArray(),
                        copies.stream().mapToInt(each -> each[1]).toArray(),
                        copies.stream().mapToInt(each -> each[2]).toArray());
            }
        }
        return ordered;
    }

    private void advance(List<Step.Run> runs, Choice choice) {
        for (Step.Run run : runs) {
            Sequence sequence = run.sequence();
            sequence.written += run.rows();
            sequence.pending = null;
            cache.releaseCopied(sequence);
        }
        for (Choice.Sample sample : choice.samples()) {
            sample.sequence().pending = choice;
            sample.sequence().pendingRow = sample.row();
        }
    }

    private static int[] range(int from, int to) {
        int[] rows = new int[to - from];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = from + i;
        }
        return rows;
    }
}
