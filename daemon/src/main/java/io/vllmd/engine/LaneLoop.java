package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.mlx.Scope;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
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
    private final int contextLength;
    private final KvCache cache;
    private final DiskPrefixes disk;
    private final Admission admission;
    private final Guesses guesses;
    private final StepPlanner planner;
    private final StepBuilder builder;
    private final GuidedRows guided;
    private final StepCosts costs = new StepCosts();
    private final LaneCounts counts;

    private final WaitingLine waiting = new WaitingLine();
    private final List<Sequence> active = new ArrayList<>();
    private @Nullable Step inFlight;

    private volatile boolean decoding;

    /**
     * @param inbox requests from other threads, in order
     * @param ended called once for every request that ended
     * @param wake calls for another turn, from any thread
     */
    LaneLoop(
            LanguageModel model,
            String name,
            LaneOptions options,
            DraftGate gate,
            Engine engine,
            Queue<Sequence> inbox,
            Runnable ended,
            Runnable wake) {
        this.name = name;
        this.engine = engine;
        this.inbox = inbox;
        this.ended = ended;
        LanguageModel.Description description = model.description();
        this.cache = new KvCache(description, options, engine.kvBudget());
        this.disk = new DiskPrefixes(engine.disk(), cache.identity(), cache, wake);
        this.contextLength = description.contextLength();
        this.admission = new Admission(cache);
        LanguageModel draft = options.draft();
        this.guesses = new Guesses(
                costs,
                draft == null ? null : new DraftModel(draft, description, engine.kvBudget()),
                gate,
                contextLength);
        this.planner = new StepPlanner(engine, this, admission, costs, guesses, contextLength);
        this.builder = new StepBuilder(model, cache);
        this.guided = new GuidedRows(engine.guides(), builder, contextLength);
        this.counts = new LaneCounts(cache, admission, guesses);
    }

    /** From any thread. */
    EngineStats stats() {
        return counts.stats();
    }

    /** What steps cost here; on the MLX thread. */
    StepCosts costs() {
        return costs;
    }

    /** Whether an answer is being made here; from any thread. */
    boolean decoding() {
        return decoding;
    }

    /**
     * One turn.
     *
     * @param ending what is to be done with every request, or null
     * @return whether another turn is needed before anybody calls for one
     */
    boolean turn(Scope scope, @Nullable Consumer<Sequence> ending) {
        counts.beginTurn();
        EngineLimits limits = engine.limits();
        for (Sequence next = inbox.poll(); next != null; next = inbox.poll()) {
            if (!limits.prefixCache() || !disk.holds(next)) {
                waiting.add(next);
            }
        }
        endUnwanted(ending);
        disk.release(waiting::add);
        admission.admit(waiting, active, limits);
        sweep();

        List<Choice> unread = new ArrayList<>(2);
        if (inFlight != null) {
            unread.add(inFlight.choice());
        }
        Choice late = guided.choose(active, remaining(inFlight), scope);
        if (late != null) {
            unread.add(late);
        }
        Step previous = inFlight;
        inFlight = null;
        Throwable failure = null;
        boolean worked = !unread.isEmpty();
        if (planner.waits(unread, active, limits)) {
            failure = readAll(unread, previous);
            unread.clear();
            sweep();
        }
        counts.waited(guesses.make());
        List<Step.Run> runs = failure == null ? planner.plan(active, limits) : List.of();
        admission.reserve(runs, active, waiting, limits.maxKvTokens());
        decoding = runs.stream().anyMatch(run -> run.sequence().decodes());

        if (!runs.isEmpty()) {
            try {
                inFlight = builder.submit(runs, unread, limits.maxKvTokens(), scope);
                counts.submitted(inFlight);
                guided.ask(inFlight.runs());
                share(inFlight, limits);
            } catch (RuntimeException | Error e) {
                failure = e;
            }
        }
        Throwable unreadable = readAll(unread, previous);
        failure = unreadable == null ? failure : unreadable;
        if (failure != null) {
            recover(runs, failure);
        }
        sweep();
        costs.measuredHost(counts.endTurn(active.size(), waiting.size() + disk.size(), worked || !runs.isEmpty()));
        cache.trim();
        boolean copies = disk.pump(decoding);
        return copies || inFlight != null || canGoOn();
    }

    /** Whether there is something to do without a guide's answer. */
    private boolean canGoOn() {
        for (Sequence each : active) {
            if (each.runnable(contextLength) || GuidedRows.ready(each) || each.cancelled()) {
                return true;
            }
        }
        return active.isEmpty() && !waiting.isEmpty();
    }

    /** Nanoseconds that the step will probably still take. */
    private long remaining(@Nullable Step step) {
        if (step == null) {
            return 0;
        }
        double estimate = costs.nanos(step.promptTokens(), step.decodeRows() > 0);
        return (long) estimate - (System.nanoTime() - step.submitted());
    }

    /** What a prompt wrote serves others from now on, and pages that nothing sees any more go back. */
    private void share(Step step, EngineLimits limits) {
        for (Step.Run run : step.runs()) {
            Sequence sequence = run.sequence();
            boolean whole = sequence.written >= sequence.known();
            if (run.tokens() > 1 || (whole && sequence.answered() == 0)) {
                if (limits.prefixCache()) {
                    admission.publish(sequence, whole, limits.maxKvTokens());
                }
                if (whole) {
                    admission.readWhole(sequence);
                }
                sequence.progress();
            }
            SequenceBound.dropPassed(cache, sequence, limits.maxKvTokens());
        }
    }

    /** Ends everything after a fault of the loop itself; what is submitted later starts afresh. */
    void abandon(Throwable fault) {
        log.error("The engine's loop for model {} failed; its {} requests end", name, active.size(), fault);
        Problem problem = problem(fault);
        if (inFlight != null) {
            inFlight.choice().close();
            inFlight = null;
        }
        endUnwanted(sequence -> sequence.fail(problem));
        guesses.keepOnly(List.of());
        cache.clear();
        counts.endTurn(active.size(), waiting.size() + disk.size(), false);
    }

    /** Frees the KV cache. No turn is under way and no step in flight. */
    void close() {
        disk.close();
        guesses.close();
        cache.close();
        counts.endTurn(active.size(), waiting.size() + disk.size(), false);
    }

    private void endUnwanted(@Nullable Consumer<Sequence> ending) {
        waiting.forEach(each -> end(each, ending));
        disk.forEach(each -> end(each, ending));
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

    /** Takes ended sequences out of the batch; what they wrote serves who continues them. */
    private void sweep() {
        int before = active.size();
        for (int i = active.size() - 1; i >= 0; i--) {
            Sequence each = active.get(i);
            if (each.ended()) {
                active.remove(i);
                EngineLimits limits = engine.limits();
                if (limits.prefixCache()) {
                    admission.publish(each, true, limits.maxKvTokens());
                    disk.save(each);
                }
                admission.leave(each);
                ended.run();
            }
        }
        if (active.size() < before) {
            guesses.keepOnly(active);
        }
    }

    /** Reads what was submitted before; what failed of it, or null. */
    private @Nullable Throwable readAll(List<Choice> unread, @Nullable Step step) {
        Throwable failure = null;
        for (Choice each : unread) {
            try {
                read(each, step);
            } catch (RuntimeException | Error e) {
                // The step after it was built on its results.
                fail(each, e);
                failure = e;
            }
        }
        return failure;
    }

    /** Waits for tokens and hands them out. */
    private void read(Choice choice, @Nullable Step step) {
        Choice.Tokens tokens;
        long before = System.nanoTime();
        try {
            tokens = choice.read();
        } finally {
            choice.close();
        }
        long now = System.nanoTime();
        counts.waited(now - before);
        if (step != null && step.choice() == choice) {
            long took = engine.clock().finished(step.submitted(), now, now - before);
            costs.measured(step.promptTokens(), step.decodeRows() > 0, took);
            if (step.promptTokens() == 0) {
                costs.measuredRows(step.decodeRows(), took);
            }
            counts.finished(step);
        }
        for (Choice.Sample sample : choice.samples()) {
            Sequence each = sample.sequence();
            if (each.pending == choice) {
                each.pending = null;
            }
            // An ended one ran this step in vain: that it had ended was not known when the step was built.
            if (each.cancelled()) {
                each.finish(TokenSink.Finish.CANCELLED);
            } else if (!each.ended()) {
                take(each, sample, tokens);
            }
        }
    }

    private void take(Sequence sequence, Choice.Sample sample, Choice.Tokens tokens) {
        int top = sequence.request.logprobs();
        int known = sequence.known();
        int row = sample.row();
        sequence.take(tokens.ids()[row], tokens.logprobs(row, top), contextLength);
        int[] drafts = sample.drafts();
        for (int draft : drafts) {
            if (sequence.ended() || sequence.cancelled() || tokens.ids()[row] != draft) {
                break;
            }
            row++;
            sequence.take(tokens.ids()[row], tokens.logprobs(row, top), contextLength);
        }
        if (drafts.length > 0) {
            // What guesses beyond the last right one wrote is written again.
            sequence.written = sequence.known() - 1;
            int right = row - sample.row();
            // Behind an answer's end nobody knows what would have come.
            int judged = sequence.ended() ? right : drafts.length;
            counts.verified(judged, right);
            guesses.verified(sequence, judged, right);
        }
        counts.tookTokens(sequence.known() - known);
        guided.took(sequence, sequence.known() - known);
    }

    /**
     * After a failed step: its sequences fail, and the cache is dropped, since what its arrays stand for may never
     * have been computed. Other sequences read again what they know.
     */
    private void recover(List<Step.Run> runs, Throwable failure) {
        log.error("A step of model {} failed; its {} requests end, others go on", name, runs.size(), failure);
        for (Step.Run run : runs) {
            run.sequence().fail(problem(failure));
        }
        if (inFlight != null) {
            inFlight.choice().close();
            inFlight = null;
        }
        for (Sequence each : active) {
            admission.leave(each);
            if (!each.ended()) {
                waiting.add(each);
            }
        }
        active.removeIf(each -> {
            if (each.ended()) {
                ended.run();
            }
            return true;
        });
        guesses.keepOnly(List.of());
        cache.clear();
    }

    private static void fail(Choice choice, Throwable failure) {
        for (Choice.Sample sample : choice.samples()) {
            sample.sequence().fail(problem(failure));
        }
    }

    private static Problem problem(Throwable failure) {
        return Problem.of(
                Problem.Kind.INTERNAL,
                "The model failed while it worked on this request (" + failure.getMessage()
                        + "). Try again; the daemon's log has the details.");
    }
}
