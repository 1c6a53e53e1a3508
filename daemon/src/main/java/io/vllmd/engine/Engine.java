package io.vllmd.engine;

import io.vllmd.engine.cache.DiskStore;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Serves any number of models on one MLX thread; lanes take turns, step by step. */
public final class Engine implements AutoCloseable {
    private final MlxThread mlx;
    private final StepClock clock = new StepClock();
    private final List<Lane> lanes = new CopyOnWriteArrayList<>();
    private final GuideRunner guides = new GuideRunner();
    private final KvBudget kvBudget;
    private volatile EngineLimits limits;
    private volatile @Nullable DiskStore disk;

    /** @param mlx outlives the engine */
    public Engine(MlxThread mlx, EngineLimits limits) {
        this.mlx = mlx;
        this.limits = limits;
        this.kvBudget = new KvBudget(limits.kvMemory());
    }

    /**
     * Begins to serve a model.
     *
     * @param model stays the caller's, who closes it on the MLX thread once the lane is detached
     * @param name what people call it, for errors and logs
     */
    public Lane attach(LanguageModel model, String name) {
        return attach(model, name, LaneOptions.PLAIN);
    }

    /**
     * As {@link #attach(LanguageModel, String)}.
     */
    public Lane attach(LanguageModel model, String name, LaneOptions options) {
        return attach(model, name, options, new DraftGate());
    }

    Lane attach(LanguageModel model, String name, LaneOptions options, DraftGate gate) {
        Lane lane = mlx.call(() -> new Lane(model, name, options, gate, this, mlx));
        lanes.add(lane);
        return lane;
    }

    /** Takes effect at the next step. */
    public void limits(EngineLimits changed) {
        limits = changed;
        mlx.execute(() -> kvBudget.limit(changed.kvMemory()));
    }

    public EngineLimits limits() {
        return limits;
    }

    /** All lanes together. */
    public EngineStats stats() {
        return lanes.stream().map(Lane::stats).reduce(EngineStats.NONE, EngineStats::plus);
    }

    /** Detaches all lanes and waits for it. Not on the MLX thread. */
    @Override
    public void close() {
        CompletableFuture.allOf(lanes.stream().map(Lane::detach).toArray(CompletableFuture[]::new))
                .join();
        guides.close();
        DiskStore store = disk;
        if (store != null) {
            store.close();
        }
    }

    /** The clock of all steps; on the MLX thread. */
    StepClock clock() {
        return clock;
    }

    /** Keeps pages of models attached from now on, those that have an identity. The engine closes the store. */
    public void keepOnDisk(DiskStore store) {
        disk = store;
    }

    /** Whether models attached from now on can have pages on disk. */
    public boolean keepsOnDisk() {
        return disk != null;
    }

    @Nullable
    DiskStore disk() {
        return disk;
    }

    GuideRunner guides() {
        return guides;
    }

    /** On the MLX thread. */
    KvBudget kvBudget() {
        return kvBudget;
    }

    void forget(Lane lane) {
        lanes.remove(lane);
    }

    /** Whether another lane makes answers that a long step would hold up. */
    boolean decodesBeside(LaneLoop loop) {
        return lanes.stream().anyMatch(lane -> lane.decodesBeside(loop));
    }

    /** Lanes with requests. */
    int busyLanes() {
        return (int) lanes.stream().filter(lane -> lane.running() > 0).count();
    }
}
