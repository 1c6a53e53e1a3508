package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.mlx.Scope;
import io.vllmd.model.LanguageModel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The work of one lane, a turn at a time on the MLX thread: take what arrived, plan, submit the next step, then read
 * the step before it. Its state belongs to that thread.
 */
final class LaneLoop {
    private static final Logger log = LoggerFactory.getLogger(LaneLoop.class);

    private final String name;
    private final Engine engine;
    private final Queue<Sequence> inbox;
    private final Runnable ended;
    private final KvCache cache;
    private final SlotPlacement placement;
    private final StepBuilder builder;
    private final StepCosts costs = new StepCosts();

    private final Deque<Sequence> waiting = new ArrayDeque<>();
    private final List<Sequence> active = new ArrayList<>();
    private @Nullable Step inFlight;

    private long steps;
    private long tokens;
    private long prefillTokens;
    private long hostNanos;
    private long encodeNanos;
    private long waitNanos;
    private long encodedInTurn;
    private long waitedInTurn;
    private volatile EngineStats stats = EngineStats.NONE;
    private volatile boolean decoding;

    /**
     * @param inbox requests from other threads, in order
     * @param ended called once for every request that ended
     */
    LaneLoop(LanguageModel model, String name, Engine engine, Queue<Sequence> inbox, Runnable ended) {
        this.name = name;
        this.engine = engine;
        this.inbox = inbox;
        this.ended = ended;
        LanguageModel.Description description = model.description();
        this.cache = new KvCache(description.kvLayers().size(), description.contextLength());
        this.placement = new SlotPlacement(cache);
        this.builder = new StepBuilder(model, placement);
    }

    /** From any thread. */
    EngineStats stats() {
        return stats;
    }

    /** Whether an answer is being made here; from any thread. */
    boolean decoding() {
        return decoding;
    }

    /**
     * One turn.
     *
     * @param ending what is to be done with every request, or null
     * @return whether another turn is needed
     */
    boolean turn(Scope scope, @Nullable Consumer<Sequence> ending) {
        long begin = System.nanoTime();
        waitedInTurn = 0;
        EngineLimits limits = engine.limits();
        for (Sequence next = inbox.poll(); next != null; next = inbox.poll()) {
            waiting.add(next);
        }
        endUnwanted(ending);
        while (!waiting.isEmpty() && active.size() < limits.maxBatch()) {
            Sequence next = waiting.remove();
            active.add(next);
            next.start();
        }
        encodedInTurn = placement.prepare(active, limits, this::failAlone);
        List<Step.Run> runs = plan(limits);
        decoding = runs.stream().anyMatch(run -> run.sequence().unread() == 0);

        Step previous = inFlight;
        inFlight = null;
        Throwable failure = null;
        if (!runs.isEmpty()) {
            try {
                inFlight = builder.submit(runs, previous, scope);
                steps++;
                encodedInTurn += inFlight.encoding();
            } catch (RuntimeException | Error e) {
                failure = e;
            }
        }
        if (previous != null) {
            try {
                read(previous);
            } catch (RuntimeException | Error e) {
                // The step after it was built on its results.
                fail(previous.runs(), e);
                failure = e;
            }
        }
        if (failure != null) {
            recover(runs, failure);
        }
        sweep();
        boolean more = inFlight != null || !active.isEmpty() || !waiting.isEmpty();
        count(System.nanoTime() - begin, !runs.isEmpty() || previous != null);
        return more;
    }

    /** Ends everything after a fault of the loop itself; what is submitted later starts afresh. */
    void abandon(Throwable fault) {
        log.error("The engine's loop for model {} failed; its {} requests end", name, active.size(), fault);
        Problem problem = problem(fault);
        if (inFlight != null) {
            inFlight.tokens().close();
            inFlight = null;
        }
        endUnwanted(sequence -> sequence.fail(problem));
        placement.clear();
        count(0, false);
    }

    /** Frees the KV cache. No turn is under way and no step in flight. */
    void close() {
        placement.clear();
        count(0, false);
    }

    private void endUnwanted(@Nullable Consumer<Sequence> ending) {
        for (Sequence each : waiting) {
            end(each, ending);
        }
        for (Sequence each : active) {
            end(each, ending);
        }
        waiting.removeIf(each -> {
            if (each.ended()) {
                ended.run();
            }
            return each.ended();
        });
        sweep();
    }

    private static void end(Sequence sequence, @Nullable Consumer<Sequence> ending) {
        if (sequence.cancelled()) {
            sequence.finish(TokenSink.Finish.CANCELLED);
        } else if (ending != null) {
            ending.accept(sequence);
        }
    }

    /** Takes ended sequences out of the batch. */
    private void sweep() {
        for (int i = active.size() - 1; i >= 0; i--) {
            Sequence each = active.get(i);
            if (each.ended()) {
                active.remove(i);
                placement.release(each);
                ended.run();
            }
        }
    }

    private List<Step.Run> plan(EngineLimits limits) {
        List<Step.Run> runs = new ArrayList<>(active.size());
        List<Sequence> prompts = new ArrayList<>(0);
        for (Sequence each : active) {
            if (each.decodes()) {
                runs.add(new Step.Run(each, 1));
            } else if (each.prefills()) {
                prompts.add(each);
            }
        }
        boolean decodesHere = !runs.isEmpty();
        if (decodesHere) {
            prompts.removeIf(each -> !SlotPlacement.ready(each));
        }
        if (!prompts.isEmpty()) {
            boolean decodes = decodesHere || engine.decodesBeside(this);
            int chunk = PrefillPlanner.tokens(limits, costs, decodes, decodesHere, engine.busyLanes());
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

    /** Waits for a step's tokens and hands them out. */
    private void read(Step step) {
        int[] sampled;
        long before = System.nanoTime();
        try {
            sampled = step.tokens().toInts();
        } finally {
            step.tokens().close();
        }
        long now = System.nanoTime();
        waitedInTurn = now - before;
        long took = engine.clock().finished(step.submitted(), now, waitedInTurn);
        costs.measured(step.promptTokens(), step.decodeRows() > 0, took);
        prefillTokens += step.promptTokens();

        List<Sequence> samples = step.samples();
        for (int i = 0; i < samples.size(); i++) {
            Sequence each = samples.get(i);
            if (each.pending == step.number()) {
                each.pending = 0;
            }
            // An ended one ran this step in vain: that it had ended was not known when the step was built.
            if (each.cancelled()) {
                each.finish(TokenSink.Finish.CANCELLED);
            } else if (!each.ended()) {
                int known = each.delivered();
                each.take(sampled[i]);
                tokens += each.delivered() - known;
            }
        }
    }

    /**
     * After a failed step: its sequences fail, and the cache is dropped, since what its arrays stand for may never
     * have been computed. Sequences that only read their prompt so far read it again.
     */
    private void recover(List<Step.Run> runs, Throwable failure) {
        fail(runs, failure);
        if (inFlight != null) {
            inFlight.tokens().close();
            inFlight = null;
        }
        placement.clear();
        for (Sequence each : active) {
            if (!each.ended() && each.sampled > 0) {
                each.fail(problem(failure));
            }
            each.rewind();
        }
    }

    private void failAlone(Sequence sequence, Throwable failure) {
        log.error("Model {} has no room for the keys of request {}", name, sequence.request.id(), failure);
        sequence.fail(problem(failure));
    }

    private void fail(List<Step.Run> runs, Throwable failure) {
        log.error("A step of model {} failed; its {} requests end, others go on", name, runs.size(), failure);
        for (Step.Run run : runs) {
            run.sequence().fail(problem(failure));
        }
    }

    private static Problem problem(Throwable failure) {
        return Problem.of(
                Problem.Kind.INTERNAL,
                "The model failed while it worked on this request (" + failure.getMessage()
                        + "). Try again; the daemon's log has the details.");
    }

    private void count(long turnNanos, boolean worked) {
        long host = Math.max(0, turnNanos - encodedInTurn - waitedInTurn);
        EngineStats last = stats;
        if (worked) {
            hostNanos += host;
            encodeNanos += encodedInTurn;
            waitNanos += waitedInTurn;
        }
        stats = new EngineStats(
                active.size(),
                waiting.size(),
                steps,
                tokens,
                prefillTokens,
                hostNanos,
                encodeNanos,
                waitNanos,
                worked ? host : last.lastHostNanos(),
                worked ? waitedInTurn : last.lastWaitNanos(),
                cache.nbytes());
    }
}
