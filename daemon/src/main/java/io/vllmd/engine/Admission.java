package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.engine.cache.Match;
import io.vllmd.engine.cache.PrefixTree;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Who gets memory. A waiting sequence is admitted when pages for all that it has to read can be had; a running one that
 * finds none takes them from the least urgent one, which keeps its prefix as far as memory allows, waits, and goes on
 * later as if nothing had happened.
 */
final class Admission {
    private final KvCache cache;
    private final PrefixTree tree;
    private long preemptions;
    private long cachedTokens;

    Admission(KvCache cache) {
        this.cache = cache;
        this.tree = cache.tree();
    }

    /** Moves sequences from the line into the batch while there are places and memory. */
    void admit(WaitingLine waiting, List<Sequence> active, EngineLimits limits) {
        for (Sequence next = waiting.first();
                next != null && active.size() < limits.maxBatch();
                next = waiting.first()) {
            if (!admit(next, active, limits)) {
                if (!active.isEmpty()) {
                    return;
                }
                next.fail(tooLarge(next));
            }
            waiting.removeFirst();
            active.add(next);
        }
    }

    private boolean admit(Sequence sequence, List<Sequence> active, EngineLimits limits) {
        sequence.key = tree.key(
                cache.scopeOf(sequence.request),
                Arrays.copyOf(sequence.tokens(), sequence.known()),
                sequence.request.media());
        @Nullable Match match = limits.prefixCache() ? tree.match(sequence.key, sequence.known() - 1) : null;
        int found = match == null ? 0 : match.fullPages().size();
        int pages = Math.ceilDiv(sequence.known() + 1, KvCache.PAGE) - found;
        for (Sequence each : active) {
            pages += Math.max(1, Math.ceilDiv(each.known() + 1, KvCache.PAGE) - pagesOf(each));
        }
        sequence.tables = cache.newTables();
        if (match != null) {
            adopt(sequence, match);
        }
        if (!cache.hasRoomForPages(pages)) {
            leave(sequence);
            return false;
        }
        cachedTokens += sequence.written;
        sequence.start(Math.min(sequence.written, sequence.request.prompt().length));
        return true;
    }

    private static int pagesOf(Sequence sequence) {
        return sequence.tables.getFirst().length();
    }

    private static void adopt(Sequence sequence, Match match) {
        for (int[] page : match.fullPages()) {
            addPage(sequence, page);
        }
        sequence.copy = match.partial();
        sequence.written = match.tokens();
    }

    /**
     * Whether the sequence may read its next page now. Where another one is about to write the same page, this one waits
     * for it, and takes over what that one has written so far.
     */
    boolean mayRead(Sequence sequence) {
        if (sequence.key == null || sequence.written % KvCache.PAGE != 0) {
            return true;
        }
        if (sequence.follows && tree.peek(sequence.key, sequence.known() - 1) > sequence.written) {
            catchUp(sequence);
        }
        boolean mine = tree.claim(sequence.key, sequence.written / KvCache.PAGE, sequence);
        if (mine && sequence.follows) {
            // Whoever it waited for is done: its last page, not a full one, is there, too.
            catchUp(sequence);
        }
        sequence.follows = !mine;
        return mine;
    }

    private void catchUp(Sequence sequence) {
        Match match = tree.match(Objects.requireNonNull(sequence.key), sequence.known() - 1);
        int had = pagesOf(sequence);
        List<int[]> pages = match.fullPages();
        // A match begins at the first page; those that the sequence has already it has got twice.
        pages.subList(0, Math.min(had, pages.size())).forEach(cache::release);
        Match.Partial partial = match.partial();
        if (match.tokens() <= sequence.written) {
            if (partial != null) {
                cache.release(partial.pages());
            }
            return;
        }
        for (int[] page : pages.subList(had, pages.size())) {
            addPage(sequence, page);
        }
        cachedTokens += match.tokens() - sequence.written;
        sequence.copy = partial;
        sequence.written = match.tokens();
    }

    private static void addPage(Sequence sequence, int[] page) {
        for (int group = 0; group < page.length; group++) {
            sequence.tables.get(group).add(page[group]);
        }
    }

    /**
     * Gives every run pages for its rows. Sequences that lose theirs go back to the line, those for which memory can never
     * suffice end; their runs are taken out.
     */
    void reserve(List<Step.Run> runs, List<Sequence> active, WaitingLine waiting, int bound) {
        List<Step.Run> starved = new ArrayList<>(0);
        for (int i = 0; i < runs.size(); i++) {
            Sequence sequence = runs.get(i).sequence();
            boolean holds = active.contains(sequence);
            while (holds
                    && !cache.reserve(
                            sequence.tables, sequence.written + runs.get(i).rows())) {
                if (runs.get(i).drafts().length > 0) {
                    runs.set(i, new Step.Run(sequence, runs.get(i).tokens()));
                    continue;
                }
                Sequence victim = victim(active);
                if (victim == sequence && active.size() == 1) {
                    // The token in the making still counts: the answer ends once it is read.
                    if (sequence.pending == null) {
                        endForLackOfMemory(sequence);
                    }
                    starved.add(runs.get(i));
                    holds = false;
                } else {
                    preempt(victim, active, waiting, bound);
                    holds = victim != sequence;
                }
            }
        }
        runs.removeAll(starved);
        runs.removeIf(run -> run.sequence().ended() || !active.contains(run.sequence()));
    }

    private static Sequence victim(List<Sequence> active) {
        return active.stream().max(WaitingLine.ORDER).orElseThrow();
    }

    private void preempt(Sequence victim, List<Sequence> active, WaitingLine waiting, int bound) {
        active.remove(victim);
        publish(victim, true, bound);
        leave(victim);
        victim.preempted();
        preemptions++;
        waiting.add(victim);
    }

    private void endForLackOfMemory(Sequence sequence) {
        if (sequence.answered() > 0) {
            sequence.finish(TokenSink.Finish.CONTEXT);
        } else {
            sequence.fail(tooLarge(sequence));
        }
    }

    private Problem tooLarge(Sequence sequence) {
        return Problem.of(
                Problem.Kind.TOO_LARGE,
                "The prompt's " + sequence.known()
                        + " tokens do not fit into the memory for keys and values, which holds " + cache.capacity()
                        + " tokens. Shorten the prompt or raise engine.kv-memory.",
                "prompt",
                Integer.toString(cache.capacity()));
    }

    /**
     * Lets others share what the sequence has written, without waiting for its end.
     *
     * @param bound see {@link PagedStep}: beyond it, keys and values depend on what was no longer seen, and pages go
     *     back one by one
     */
    void publish(Sequence sequence, boolean partial, int bound) {
        int length = Math.min(sequence.written, sequence.known());
        boolean whole = bound == 0 || sequence.known() <= bound;
        if (sequence.key != null && length > 0 && whole && !SequenceBound.dropped(sequence)) {
            tree.publish(sequence.key, sequence.tokens(), length, sequence.tables, partial);
        }
    }

    /** The sequence read its prompt: who waits for it need not any more. */
    void readWhole(Sequence sequence) {
        tree.unclaim(sequence);
    }

    /** Takes back all that the sequence holds; what it has published stays as long as memory allows. */
    void leave(Sequence sequence) {
        tree.unclaim(sequence);
        cache.releaseCopied(sequence);
        cache.release(sequence.tables);
        HeldLogits held = sequence.held;
        if (held != null) {
            held.release();
        }
        sequence.rewind();
    }

    long preemptions() {
        return preemptions;
    }

    /** Tokens that needed not be read since somebody had read them before. */
    long cachedTokens() {
        return cachedTokens;
    }
}
