package io.vllmd.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Gives sequences their slots, and larger ones before they outgrow them. Making arenas and copying keys costs as much as
 * many steps; done ahead, a little in each step, no stream stands still for it.
 */
final class SlotPlacement {
    /** Room for this much of an answer is made at first: most are shorter, and a sequence can move. */
    private static final int FIRST_ANSWER = 256;

    /** A sequence prepares to move so many tokens before it must: enough for a layer or a copy a step. */
    private static final int LEAD = 128;

    /** Steps with answers in them spend this part of the prefill budget on making arenas. */
    private static final int SHARE = 4;

    private final KvCache cache;
    private final List<KvSlot> left = new ArrayList<>();

    SlotPlacement(KvCache cache) {
        this.cache = cache;
    }

    /**
     * Takes the slots that the sequences will need, and makes some of the room for them where answers are made.
     *
     * @param failed told of a sequence for which no room can be made
     * @return nanoseconds that making room took
     */
    long prepare(List<Sequence> active, EngineLimits limits, BiConsumer<Sequence, Throwable> failed) {
        boolean decoding = false;
        for (Sequence each : active) {
            KvSlot slot = each.slot;
            if (slot == null) {
                int[] prompt = each.request.prompt();
                each.slot =
                        cache.take(prompt.length + Math.min(each.request.maxTokens(), FIRST_ANSWER), limits.maxBatch());
            } else if (each.decodes()) {
                decoding = true;
                if (each.next == null
                        && each.written + LEAD > slot.home.capacity
                        && each.request.prompt().length + each.request.maxTokens() - 1 > slot.home.capacity) {
                    each.next = cache.take(slot.home.capacity + 1, limits.maxBatch());
                }
            }
        }
        if (!decoding) {
            return 0;
        }
        long begin = System.nanoTime();
        long until = begin + limits.prefillBudget().toNanos() / SHARE;
        for (Sequence each : active) {
            try {
                grow(each.slot, until);
                grow(each.next, until);
            } catch (RuntimeException | Error e) {
                // The others keep the arenas that they have.
                failed.accept(each, e);
            }
        }
        return System.nanoTime() - begin;
    }

    private static void grow(@Nullable KvSlot slot, long until) {
        if (slot != null && !slot.home.ready(slot.index) && System.nanoTime() - until < 0) {
            slot.home.grow(until);
        }
    }

    /** Whether the sequence's prompt can be read without answers standing still for it. */
    static boolean ready(Sequence sequence) {
        KvSlot slot = sequence.slot;
        return slot != null && slot.home.ready(slot.index);
    }

    /** Moves sequences: those that must, and one of those that may. Returns the runs ordered by capacity class. */
    List<Step.Run> place(List<Step.Run> planned) {
        boolean early = false;
        boolean ordered = true;
        int order = 0;
        for (Step.Run run : planned) {
            Sequence sequence = run.sequence();
            KvSlot slot = sequence.slot();
            KvSlot next = sequence.next;
            boolean must = slot.home.capacity < sequence.written + run.tokens();
            if (next != null && (must || (!early && next.home.ready(next.index)))) {
                early |= !must;
                next.home.copy(next, slot);
                left.add(slot);
                sequence.slot = next;
                sequence.next = null;
                slot = next;
            } else if (must) {
                throw new IllegalStateException("request " + sequence.request.id() + " has no larger slot");
            }
            ordered &= order <= slot.home.order;
            order = slot.home.order;
        }
        if (ordered) {
            return planned;
        }
        List<Step.Run> sorted = new ArrayList<>(planned);
        sorted.sort(Comparator.comparingInt(run -> run.sequence().slot().home.order));
        return sorted;
    }

    /**
     * Releases the slots that sequences moved out of, once the step that copies them was submitted: within a step
     * nothing orders the copy's read before a write to the same slot by its next owner.
     */
    void submitted() {
        left.forEach(cache::release);
        left.clear();
    }

    /** Gives back what an ended sequence holds. */
    void release(Sequence sequence) {
        if (sequence.slot != null) {
            cache.release(sequence.slot);
        }
        if (sequence.next != null) {
            cache.release(sequence.next);
        }
        sequence.slot = null;
        sequence.next = null;
    }

    /** Drops all slots and arenas. */
    void clear() {
        left.clear();
        cache.clear();
    }
}
