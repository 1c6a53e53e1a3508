package io.vllmd.engine;

import io.vllmd.engine.cache.CacheIdentity;
import io.vllmd.engine.cache.DiskStore;
import io.vllmd.engine.cache.DiskTier;
import io.vllmd.engine.cache.PrefixKey;
import io.vllmd.engine.cache.PrefixTree;
import io.vllmd.engine.cache.Promotion;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sequences whose prefix is on disk wait here, beside the line, until it is in memory. Files are read and written on
 * another thread; what has to happen on this one is copying a page, and that is done when nobody is being answered, else
 * now and then. Without a store nothing waits and nothing is kept.
 */
final class DiskPrefixes implements AutoCloseable {
    /** While answers are being made, one page in so many turns: a copy waits for the step in flight. */
    private static final int TURNS = 16;

    /** What is still to be written when a model goes may take so long. */
    private static final Duration LAST_WRITES = Duration.ofSeconds(2);

    private final @Nullable DiskTier tier;
    private final KvCache cache;
    private final PrefixTree tree;
    private final List<Loading> loading = new ArrayList<>();
    private int turns;

    private record Loading(Sequence sequence, Promotion promotion) {}

    /** @param wake called from another thread when there is something to do */
    DiskPrefixes(@Nullable DiskStore store, CacheIdentity identity, KvCache cache, Runnable wake) {
        this.cache = cache;
        this.tree = cache.tree();
        this.tier = store == null || identity.weightsFingerprint().isEmpty()
                ? null
                : new DiskTier(store, identity, tree, cache, wake);
    }

    /** Whether a sequence that has just arrived must wait for pages from disk; it is taken care of then. */
    boolean holds(Sequence sequence) {
        if (tier == null) {
            return false;
        }
        int[] known = Arrays.copyOf(sequence.tokens(), sequence.known());
        PrefixKey key = tree.key(cache.scopeOf(sequence.request), known, sequence.request.media());
        int found = tree.peek(key, sequence.known() - 1) / PrefixTree.PAGE;
        Promotion promotion = tier.promote(key, found);
        if (promotion.done()) {
            promotion.close();
            return false;
        }
        loading.add(new Loading(sequence, promotion));
        return true;
    }

    /** Passes on sequences whose pages are there, and those that ended meanwhile. */
    void release(Consumer<Sequence> ready) {
        loading.removeIf(each -> {
            boolean done = each.promotion.done() || each.sequence.ended();
            if (done) {
                // Pages that it was promised stay in the tree; what is not used soon may be dropped again.
                each.promotion.close();
                ready.accept(each.sequence);
            }
            return done;
        });
    }

    void forEach(Consumer<Sequence> action) {
        loading.forEach(each -> action.accept(each.sequence));
    }

    int size() {
        return loading.size();
    }

    /** A turn of the sequence ended: its pages go to disk. */
    void save(Sequence sequence) {
        if (tier != null && sequence.key != null) {
            tier.save(sequence.key, Math.min(sequence.written, sequence.known()));
        }
    }

    /**
     * Copies a page, if any waits for it.
     *
     * @param answering whether answers are being made, which a copy holds up
     * @return whether there is more to do right now
     */
    boolean pump(boolean answering) {
        if (tier == null || (!tier.busy() && loading.isEmpty())) {
            return false;
        }
        turns++;
        boolean more = (answering && turns % TURNS != 0) || tier.pump();
        return more || loading.stream().anyMatch(each -> each.promotion.done());
    }

    /** Writes what can be written in a moment and gives up the rest. */
    @Override
    public void close() {
        if (tier != null) {
            tier.flush(LAST_WRITES);
            tier.close();
        }
    }
}
