package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.mlx.MlxThread;
import io.vllmd.mlx.Scope;
import io.vllmd.model.LanguageModel;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The requests of one model: its queue, its batch, its KV cache. All methods may be called from any thread.
 *
 * <p>While there is work, a turn is on the MLX thread's queue, and each turn puts the next one there; so lanes and
 * other work alternate, first come first served, and without work nothing runs at all.
 */
public final class Lane {
    private final String name;
    private final Engine engine;
    private final MlxThread mlx;
    private final LanguageModel.Description model;
    private final LaneLoop loop;
    private final AtomicLong arrivals = new AtomicLong();

    private final ConcurrentLinkedQueue<Sequence> inbox = new ConcurrentLinkedQueue<>();

    /** Requests taken and not ended. */
    private final AtomicInteger live = new AtomicInteger();

    /** 0: no turn is queued. 1: one is. More: somebody called for one since the last began. */
    private final AtomicInteger wakes = new AtomicInteger();

    private volatile boolean draining;

    /** What is to be done with every request there is, or null. */
    private volatile @Nullable Consumer<Sequence> ending;

    private volatile boolean closed;
    private final CompletableFuture<Void> drained = new CompletableFuture<>();
    private final CompletableFuture<Void> detached = new CompletableFuture<>();

    Lane(LanguageModel model, String name, LaneOptions options, DraftGate gate, Engine engine, MlxThread mlx) {
        this.name = name;
        this.engine = engine;
        this.mlx = mlx;
        this.model = model.description();
        this.loop = new LaneLoop(model, name, options, gate, engine, inbox, live::decrementAndGet, this::wake);
    }

    /**
     * Takes a request; returns at once.
     *
     * @param sink hears of it on the MLX thread, even before this returns
     * @throws io.vllmd.config.ProblemException INVALID where a value lies outside its range, BUSY where the queue is
     *     full, UNAVAILABLE once the lane drains
     */
    public Generation submit(GenerationRequest request, TokenSink sink) {
        RequestRules.check(request, model);
        EngineLimits limits = engine.limits();
        // Counted before draining is looked at: drain looks the other way round, so neither misses the other.
        int taken = live.incrementAndGet();
        if (draining) {
            uncount();
            throw Problem.of(Problem.Kind.UNAVAILABLE, "The model " + name + " is being unloaded.", name)
                    .asException();
        }
        if (taken > limits.maxBatch() + limits.queue()) {
            uncount();
            throw Problem.of(
                            Problem.Kind.BUSY,
                            "The model " + name + " is busy: " + (taken - 1 - limits.maxBatch())
                                    + " requests wait for it already, and engine.queue allows " + limits.queue()
                                    + ". Try again in a moment.",
                            name,
                            Integer.toString(limits.queue()))
                    .asException();
        }
        Sequence sequence = new Sequence(
                request,
                new SamplingPlan(request, model.vocabulary()),
                speculates(request) ? new Speculation(request.prompt(), loop.costs()) : null,
                arrivals.incrementAndGet(),
                sink,
                this::wake);
        inbox.add(sequence);
        wake();
        return sequence;
    }

    /** Ids beyond 21 bits do not fit the look-up. */
    private boolean speculates(GenerationRequest request) {
        return request.speculative() && model.vocabulary() <= 1 << 21;
    }

    /** Takes back the count of a request that was refused; a turn may have seen it and waits for it to be gone. */
    private void uncount() {
        live.decrementAndGet();
        if (draining) {
            wake();
        }
    }

    /** Requests that have a place in the batch. */
    public int running() {
        return loop.stats().running();
    }

    /** Requests that wait for one. */
    public int queued() {
        return Math.max(0, live.get() - running());
    }

    public EngineStats stats() {
        return loop.stats();
    }

    /**
     * Takes no more requests and waits for those there are; cancels what still runs after the limit, or where the
     * calling thread is interrupted. Not on the MLX thread.
     *
     * @return requests that were cancelled
     */
    public int drain(Duration limit) {
        draining = true;
        wake();
        try {
            drained.get(limit.toNanos(), TimeUnit.NANOSECONDS);
            return 0;
        } catch (TimeoutException e) {
            int cancelled = cancelAll();
            drained.join();
            return cancelled;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return cancelAll();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Ends all requests as unavailable and frees the KV cache. Once the result is there, the model may be closed.
     */
    public CompletableFuture<Void> detach() {
        draining = true;
        Problem unloaded = Problem.of(
                Problem.Kind.UNAVAILABLE, "The model " + name + " was unloaded while it worked on this request.", name);
        ending = sequence -> sequence.fail(unloaded);
        closed = true;
        wake();
        return detached;
    }

    boolean decodesBeside(LaneLoop other) {
        return loop != other && loop.decoding();
    }

    private int cancelAll() {
        int cancelled = live.get();
        ending = sequence -> sequence.finish(TokenSink.Finish.CANCELLED);
        wake();
        return cancelled;
    }

    /** Sees to it that a turn begins after this call, unless the lane is detached: then there is nothing to do. */
    private void wake() {
        if (detached.isDone()) {
            return;
        }
        if (wakes.getAndIncrement() == 0) {
            mlx.execute(this::turn);
        }
    }

    private void turn() {
        // Whoever called for a turn until now is served by this one.
        wakes.set(1);
        boolean more;
        try (Scope scope = Scope.open()) {
            more = loop.turn(scope, ending);
        } catch (RuntimeException | Error e) {
            // Not a failed step, which the loop survives, but a fault of the loop: nobody may wait forever for it.
            loop.abandon(e);
            more = false;
        }
        if (draining && live.get() == 0) {
            drained.complete(null);
        }
        // A request counted but not yet in the inbox calls for another turn, which ends it.
        if (closed && !more && live.get() == 0) {
            loop.close();
            engine.forget(this);
            detached.complete(null);
        }
        if (!detached.isDone() && (more || !wakes.compareAndSet(1, 0))) {
            mlx.execute(this::turn);
        }
    }
}
