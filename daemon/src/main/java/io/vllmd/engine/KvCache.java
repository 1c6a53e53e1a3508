package io.vllmd.engine;

import io.vllmd.config.Version;
import io.vllmd.engine.cache.CacheIdentity;
import io.vllmd.engine.cache.Match;
import io.vllmd.engine.cache.PageIo;
import io.vllmd.engine.cache.PagePool;
import io.vllmd.engine.cache.PageTable;
import io.vllmd.engine.cache.PrefixTree;
import io.vllmd.mlx.Dtype;
import io.vllmd.mlx.KvPages;
import io.vllmd.model.LanguageModel;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The KV cache of one model: pages of {@link KvPages#PAGE} positions. Layers with the same window form a group; a page
 * of a group stands for its positions in all of the group's layers. Sequences share the pages of a common prefix, and
 * nothing is ever moved: see docs/decisions/0005. Belongs to the MLX thread.
 */
final class KvCache implements PageIo {
    static final int PAGE = KvPages.PAGE;

    /** Memory of free pages that is kept for who comes next: what it costs to have it back is some page faults. */
    private static final long LEAST_KEPT = 32 << 20;

    /** And as a part of what is held. */
    private static final int PART_KEPT = 8;

    private final List<LanguageModel.KvLayer> shapes;
    private final Dtype activations;
    private final int bits;
    private final CacheIdentity identity;
    private final KvBudget budget;
    private final @Nullable KvPages[] layers;
    private final int[] groupOfLayer;
    private final List<Group> groups = new ArrayList<>();
    private final PrefixTree tree;

    /**
     * Layers with one window.
     *
     * @param window newest positions that a token sees; 0 = all
     * @param bytes of one page in all layers
     */
    record Group(int window, long bytes, PagePool pool) {}

    /**
     * @param options whether keys and values are packed, and whose they are
     * @param budget shared with other models
     */
    KvCache(LanguageModel.Description model, LaneOptions options, KvBudget budget) {
        this.shapes = model.kvLayers();
        this.activations = model.activations();
        this.bits = options.kvBits();
        this.identity =
                new CacheIdentity(options.identity(), shapes + " " + activations + " " + bits, Version.current());
        this.budget = budget;
        this.layers = new @Nullable KvPages[shapes.size()];
        this.groupOfLayer = new int[shapes.size()];
        int[] windows = shapes.stream()
                .mapToInt(LanguageModel.KvLayer::window)
                .distinct()
                .toArray();
        long all = shapes.stream()
                .mapToLong(each -> bytes(each, model.activations()))
                .sum();
        // Were every position kept in every group, all groups together would fill the budget.
        int most = Math.clamp(budget.limit() / Math.max(1, all), 1, Integer.MAX_VALUE / PAGE);
        for (int window : windows) {
            long bytes = 0;
            for (int i = 0; i < shapes.size(); i++) {
                if (shapes.get(i).window() == window) {
                    groupOfLayer[i] = groups.size();
                    bytes += bytes(shapes.get(i), model.activations());
                }
            }
            groups.add(new Group(window, bytes, new PagePool(most)));
        }
        this.tree = new PrefixTree(groups.stream().map(Group::pool).toList(), windows, identity.toString());
        budget.add(this);
    }

    private long bytes(LanguageModel.KvLayer layer, Dtype activations) {
        return KvPages.bytesOfPage(layer.kvHeads(), layer.headDim(), activations, bits);
    }

    List<Group> groups() {
        return groups;
    }

    PrefixTree tree() {
        return tree;
    }

    /** Most tokens that one sequence can have, were it alone. */
    int capacity() {
        long tokens = Integer.MAX_VALUE;
        for (Group each : groups) {
            if (each.window == 0) {
                tokens = Math.min(tokens, (long) each.pool.limit() * PAGE);
            }
        }
        return (int) Math.min(tokens, Integer.MAX_VALUE);
    }

    /**
     * Among whose pages a request looks for its prefix. A GPU's kernels are exact by row only in steps that were told to
     * be; a request whose answer depends on nothing beside it goes on from such steps only. On a CPU, where activations
     * are float32, all steps are.
     */
    String scopeOf(GenerationRequest request) {
        boolean apart = request.deterministic() && activations != Dtype.FLOAT32;
        return apart ? "deterministic " + request.cacheScope() : request.cacheScope();
    }

    List<PageTable> newTables() {
        List<PageTable> tables = new ArrayList<>(groups.size());
        groups.forEach(group -> tables.add(new PageTable()));
        return tables;
    }

    void release(List<PageTable> tables) {
        for (int i = 0; i < tables.size(); i++) {
            tables.get(i).release(groups.get(i).pool);
        }
    }

    /**
     * Gives the tables pages for all positions below {@code length}; drops cached prefixes where memory is short.
     *
     * @return false where that does not suffice; the tables then have as many pages as there were
     */
    boolean reserve(List<PageTable> tables, int length) {
        int pages = Math.ceilDiv(length, PAGE);
        for (int i = 0; i < tables.size(); i++) {
            Group group = groups.get(i);
            PageTable table = tables.get(i);
            while (table.length() < pages) {
                int page = take(group);
                if (page < 0) {
                    return false;
                }
                table.add(page);
            }
        }
        return true;
    }

    /** Whose pages these are. */
    CacheIdentity identity() {
        return identity;
    }

    @Override
    public long pageBytes() {
        return groups.stream().mapToLong(Group::bytes).sum();
    }

    @Override
    public int take(int group) {
        return take(groups.get(group));
    }

    @Override
    public void read(int[] groupPages, MemorySegment to) {
        eachLayer(groupPages, to, KvPages::read);
    }

    @Override
    public void write(int[] groupPages, MemorySegment from) {
        eachLayer(groupPages, from, KvPages::write);
    }

    /** Copies one page of a layer. */
    private interface PageCopy {
        void copy(KvPages layer, int page, MemorySegment memory);
    }

    /** Layers lie one after another, those of groups without a page are passed over. */
    private void eachLayer(int[] groupPages, MemorySegment memory, PageCopy copy) {
        long at = 0;
        for (int i = 0; i < layers.length; i++) {
            int page = groupPages[groupOfLayer[i]];
            long bytes = bytes(shapes.get(i), activations);
            if (page >= 0) {
                copy.copy(layer(i, activations), page, memory.asSlice(at, bytes));
            }
            at += bytes;
        }
    }

    private int take(Group group) {
        if (group.pool.free() == 0 && tree.evict(1) == 0) {
            return -1;
        }
        return budget.makeRoom(group.bytes, this) ? group.pool.take() : -1;
    }

    void release(int[] page) {
        for (int i = 0; i < page.length; i++) {
            if (page[i] >= 0) {
                groups.get(i).pool.release(page[i]);
            }
        }
    }

    /** Whether so many more pages can be had without taking any from a sequence that runs. */
    boolean hasRoomForPages(int pages) {
        long bytes = 0;
        int evictable = tree.evictable() / groups.size();
        for (Group each : groups) {
            bytes += pages * each.bytes;
            if (each.pool.free() + evictable < pages) {
                return false;
            }
        }
        return bytes <= budget.available();
    }

    /** Drops cached prefixes that nobody runs on, oldest first, until so many bytes are free. */
    long evict(long bytes) {
        long freed = 0;
        while (freed < bytes) {
            long before = nbytes();
            if (tree.evict(1) == 0) {
                return freed;
            }
            freed += before - nbytes();
        }
        return freed;
    }

    /** Bytes of all pages that are held. */
    long nbytes() {
        long bytes = 0;
        for (Group each : groups) {
            bytes += each.pool.used() * each.bytes;
        }
        return bytes;
    }

    /** Bytes of pages that nobody holds and that the system has not got back. */
    long idleBytes() {
        long bytes = 0;
        for (Group each : groups) {
            bytes += each.pool.idle() * each.bytes;
        }
        return bytes;
    }

    /** Gives memory back once there is much that nobody needs; costs next to nothing where there is not. */
    void trim() {
        trim(Math.max(LEAST_KEPT, nbytes() / PART_KEPT));
    }

    /**
     * Gives the memory of free pages back to the system, where the device lets it, but for some; behind the work sent so
     * far. Does nothing until it is twice as much as what is kept, so that it comes in batches.
     *
     * @param keep about so many bytes of free pages keep their memory
     */
    void trim(long keep) {
        long idle = idleBytes();
        if (idle <= 2 * keep) {
            return;
        }
        for (int group = 0; group < groups.size(); group++) {
            PagePool pool = groups.get(group).pool;
            int[] pages = pool.trim((int) (keep * pool.idle() / idle));
            for (int i = 0; i < layers.length; i++) {
                KvPages layer = layers[i];
                if (layer != null && groupOfLayer[i] == group) {
                    int has = layer.pages();
                    layer.trim(Arrays.stream(pages).filter(page -> page < has).toArray());
                }
            }
        }
    }

    long evictableBytes() {
        long page = 0;
        for (Group each : groups) {
            page += each.bytes;
        }
        return tree.evictable() / groups.size() * page;
    }

    int groupOf(int layer) {
        return groupOfLayer[layer];
    }

    int windowOf(int layer) {
        return shapes.get(layer).window();
    }

    /** The layer's pages, made at its first use: only then does a graph tell their dtype for certain. */
    KvPages layer(int layer, Dtype dtype) {
        KvPages pages = layers[layer];
        PagePool pool = groups.get(groupOfLayer[layer]).pool;
        if (pages == null) {
            LanguageModel.KvLayer shape = shapes.get(layer);
            pages = KvPages.allocate(
                    Math.min(pool.limit(), 2 * pool.highest()),
                    pool.limit(),
                    shape.kvHeads(),
                    shape.headDim(),
                    dtype,
                    bits);
            layers[layer] = pages;
        }
        return grown(pages, pool);
    }

    /** Arrays double: on a CPU device that costs nothing, elsewhere a copy on the device each time. */
    private static KvPages grown(KvPages pages, PagePool pool) {
        if (pages.pages() < pool.highest()) {
            pages.grow(Math.min(pool.limit(), 2 * pool.highest()));
        }
        return pages;
    }

    /** All layers' pages of a group; only once every layer was used. */
    KvPages[] layersOf(int group) {
        List<KvPages> found = new ArrayList<>();
        for (int i = 0; i < layers.length; i++) {
            if (groupOfLayer[i] == group) {
                KvPages pages = Objects.requireNonNull(layers[i], "a page has content, so its layer was used");
                found.add(grown(pages, groups.get(group).pool));
            }
        }
        return found.toArray(KvPages[]::new);
    }

    /** The page that the sequence began from was copied, or is not needed any more. */
    void releaseCopied(Sequence sequence) {
        Match.Partial copied = sequence.copy;
        sequence.copy = null;
        if (copied != null) {
            release(copied.pages());
        }
    }

    /** Forgets all cached prefixes, whose content cannot be relied on, and frees the arrays. No sequence has pages. */
    void clear() {
        tree.clear();
        // What the arrays take goes with them.
        groups.forEach(group -> group.pool.trim(0));
        for (int i = 0; i < layers.length; i++) {
            KvPages pages = layers[i];
            layers[i] = null;
            if (pages != null) {
                pages.close();
            }
        }
    }

    /** Frees everything; the cache is not used again. */
    void close() {
        clear();
        budget.remove(this);
    }
}
