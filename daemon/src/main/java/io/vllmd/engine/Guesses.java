package io.vllmd.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The guesses that the next step of a lane verifies: what came after the same words before, which costs nothing to find,
 * or what a {@link Drafter} says. Wherever tokens are guessed, the step must know those before it.
 */
final class Guesses implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Guesses.class);
    private static final int[] NONE = {};

    private final StepCosts costs;
    private final int contextLength;
    private final DraftGate gate;
    private volatile @Nullable Drafter drafter;

    private DraftGate.Plan drafted = DraftGate.Plan.NONE;
    private final IdentityHashMap<Sequence, int[]> found = new IdentityHashMap<>();

    Guesses(StepCosts costs, @Nullable Drafter drafter, DraftGate gate, int contextLength) {
        this.costs = costs;
        this.gate = gate;
        this.drafter = drafter;
        this.contextLength = contextLength;
    }

    /** Whether the next step had better wait for the tokens of the last, so that what follows them can be guessed. */
    boolean wanted(List<Sequence> active, EngineLimits limits) {
        drafted = DraftGate.Plan.NONE;
        Drafter by = drafter;
        if (!limits.speculation()) {
            keepOnly(List.of());
            return false;
        }
        int rows = 0;
        for (Sequence each : active) {
            rows += decodes(each) ? 1 : 0;
        }
        boolean any = false;
        List<Sequence> others = new ArrayList<>(active.size());
        for (Sequence each : active) {
            Speculation speculation = each.speculation;
            if (speculation == null || !decodes(each)) {
                continue;
            }
            if (speculation.wants(rows)) {
                any = true;
            } else if (by != null && by.serves(each) && each.room(contextLength) > 1) {
                others.add(each);
            }
        }
        if (by != null) {
            by.keepOnly(active);
            drafted = gate.plan(others, rows, costs, by);
        }
        return any || drafted.tokens() > 0;
    }

    private boolean decodes(Sequence sequence) {
        return sequence.decodes() && sequence.runnable(contextLength);
    }

    /**
     * Asks the drafter, where it is to guess. Waits for it.
     *
     * @return nanoseconds that it took
     */
    long make() {
        found.clear();
        List<Sequence> asked = new ArrayList<>(drafted.sequences().size());
        for (Sequence each : drafted.sequences()) {
            if (decodes(each) && each.pending == null) {
                asked.add(each);
            }
        }
        Drafter by = drafter;
        if (asked.isEmpty() || by == null) {
            return 0;
        }
        long began = System.nanoTime();
        try {
            List<int[]> guesses = by.guess(asked, drafted.tokens());
            for (int i = 0; i < guesses.size(); i++) {
                found.put(asked.get(i), guesses.get(i));
            }
        } catch (RuntimeException | Error e) {
            log.error("The draft model failed; answers go on without it", e);
            close();
        }
        return System.nanoTime() - began;
    }

    /** What the next step verifies for this sequence, one of {@code rows} that decode. */
    int[] of(Sequence sequence, int rows) {
        Speculation speculation = sequence.speculation;
        if (speculation == null || sequence.pending != null) {
            return NONE;
        }
        int room = sequence.room(contextLength);
        if (speculation.on()) {
            return speculation.drafts(rows, room);
        }
        int[] guesses = found.getOrDefault(sequence, NONE);
        return guesses.length <= room ? guesses : Arrays.copyOf(guesses, Math.max(0, room));
    }

    /** What became of guesses for a sequence, see {@link DraftGate#verified}. */
    void verified(Sequence sequence, int guesses, int right) {
        if (found.containsKey(sequence)) {
            gate.verified(sequence, guesses, right);
        }
    }

    /** Has the drafter give back what it holds for others: an idle lane must hold up no memory. */
    void keepOnly(List<Sequence> running) {
        Drafter by = drafter;
        if (by != null) {
            by.keepOnly(running);
        }
    }

    /** See {@link Drafter#kvBytes}. */
    long kvBytes() {
        Drafter by = drafter;
        return by == null ? 0 : by.kvBytes();
    }

    /** See {@link Drafter#kvEvictableBytes}. */
    long kvEvictableBytes() {
        Drafter by = drafter;
        return by == null ? 0 : by.kvEvictableBytes();
    }

    @Override
    public void close() {
        found.clear();
        Drafter by = drafter;
        drafter = null;
        if (by != null) {
            by.close();
        }
    }
}
