package io.vllmd.engine.cache;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the full pages of one model's prefix tree on disk, too, and brings them back: after a turn its pages are written,
 * as are those that the tree drops before that; a prompt whose pages are gone from memory waits while they are read.
 *
 * <p>Belongs to the MLX thread, which copies pages one at a time when it calls {@link #pump}; files are read and written
 * on the store's thread. Between them is a handful of buffers. A page lost on this way is computed again, no more.
 */
public final class DiskTier implements AutoCloseable {
    private static final long BUFFER_BYTES = 32L << 20;

    private final DiskStore store;
    private final CacheIdentity identity;
    private final byte[] identityDigest;
    private final String folder;
    private final PrefixTree tree;
    private final Groups groups;
    private final PageIo io;
    private final Runnable wake;

    /** What the store's thread has done, to be taken note of on the MLX thread. */
    private final LinkedBlockingQueue<Runnable> arrivals = new LinkedBlockingQueue<>();

    private final Deque<MemorySegment> buffers = new ArrayDeque<>();
    private int buffersToMake;
    private int underWay;

    private final Deque<PrefixNode> unwritten = new ArrayDeque<>();
    private final List<Promotion> promotions = new ArrayList<>();
    private final Deque<Loaded> loaded = new ArrayDeque<>();

    private record Loaded(Promotion promotion, int index, long groups, MemorySegment buffer) {}

    /**
     * @param tree made for the same identity
     * @param wake called from another thread when {@link #pump} has something to do
     */
    public DiskTier(DiskStore store, CacheIdentity identity, PrefixTree tree, PageIo io, Runnable wake) {
        this.store = store;
        this.identity = identity;
        this.identityDigest = identity.digest();
        this.folder = identity.folder();
        this.tree = tree;
        this.groups = tree.groups();
        this.io = io;
        this.wake = wake;
        this.buffersToMake = Math.clamp(BUFFER_BYTES / Math.max(1, io.pageBytes()), 2, 16);
        tree.onEvict(this::rescue);
    }

    /**
     * Starts to load what is on disk of the key's full pages.
     *
     * @param fromPage so many are in the tree; they are held as those that come
     */
    public Promotion promote(PrefixKey key, int fromPage) {
        int end = key.length() / PrefixTree.PAGE;
        Promotion promotion = new Promotion(key, fromPage, end, groups);
        if (fromPage >= end || !store.mayHave(name(key.digest(fromPage)))) {
            promotion.endAt(fromPage);
            return promotion;
        }
        List<PrefixNode> path = tree.path(key, fromPage);
        if (path.size() < fromPage) {
            promotion.endAt(fromPage);
            return promotion;
        }
        path.forEach(node -> promotion.hold(groups.retain(node)));
        promotions.add(promotion);
        ask(promotion);
        return promotion;
    }

    /**
     * Has a sequence's published full pages written, as far as they are not; those that are count as used just now. Due
     * when a turn ends.
     *
     * @param length tokens that are published
     */
    public void save(PrefixKey key, int length) {
        List<DiskIndex.Name> used = new ArrayList<>();
        for (PrefixNode node : tree.path(key, length / PrefixTree.PAGE)) {
            DiskIndex.Name name = name(node.digest());
            if (store.has(name)) {
                used.add(name);
            } else if (node.saving == PrefixNode.Saving.NOT && store.accepts(io.pageBytes())) {
                node.saving = PrefixNode.Saving.QUEUED;
                unwritten.add(node);
            }
        }
        if (!used.isEmpty()) {
            store.touch(List.copyOf(used.reversed()));
        }
    }

    /**
     * Does one page's worth of copying, if there is any to do; it waits for the steps sent so far.
     *
     * @return whether there is more to do right now; otherwise {@code wake} is called when there is
     */
    public boolean pump() {
        for (Runnable each = arrivals.poll(); each != null; each = arrivals.poll()) {
            each.run();
        }
        Loaded page = loaded.poll();
        if (page != null) {
            install(page);
        } else {
            writeNext();
        }
        promotions.removeIf(promotion -> {
            ask(promotion);
            return promotion.done();
        });
        return !loaded.isEmpty() || (!unwritten.isEmpty() && hasBuffer() && store.accepts(io.pageBytes()));
    }

    /** Whether pages wait to be written or read. */
    public boolean busy() {
        return underWay > 0 || !unwritten.isEmpty() || !promotions.isEmpty();
    }

    private void ask(Promotion promotion) {
        while (!promotion.closed() && promotion.asked < promotion.end) {
            PageAddress page = address(promotion.key, promotion.asked);
            if (!store.mayHave(page.name())) {
                promotion.endAt(promotion.asked);
                return;
            }
            MemorySegment buffer = takeBuffer();
            if (buffer == null) {
                return;
            }
            promotion.asked++;
            store.read(page, buffer, header -> arrive(() -> arrived(promotion, page.index(), buffer, header)));
        }
    }

    private void arrived(Promotion promotion, int index, MemorySegment buffer, @Nullable PageHeader header) {
        if (header == null) {
            promotion.endAt(index);
        }
        if (header == null || promotion.closed()) {
            buffers.push(buffer);
        } else {
            loaded.add(new Loaded(promotion, index, header.groups(), buffer));
        }
    }

    private void install(Loaded page) {
        Promotion promotion = page.promotion;
        try {
            if (!promotion.closed() && page.index < promotion.end) {
                install(page, promotion);
            }
        } finally {
            buffers.push(page.buffer);
        }
    }

    private void install(Loaded page, Promotion promotion) {
        int[] pages = take(page.groups);
        PrefixNode node = null;
        if (pages != null) {
            try {
                io.write(pages, page.buffer);
                node = tree.adopt(promotion.key, page.index, pages);
            } finally {
                if (node != null) {
                    promotion.hold(groups.retain(node));
                }
                groups.release(pages);
            }
        }
        if (node == null) {
            promotion.endAt(page.index);
        } else {
            promotion.next = page.index + 1;
        }
    }

    /** A page in each of the groups; null where one has none. */
    private int @Nullable [] take(long present) {
        int[] pages = groups.noPages();
        for (int group = 0; group < pages.length; group++) {
            if ((present >> group & 1) != 0) {
                pages[group] = io.take(group);
                if (pages[group] < 0) {
                    groups.release(pages);
                    return null;
                }
            }
        }
        return pages;
    }

    private void writeNext() {
        boolean reading = promotions.stream().anyMatch(each -> !each.closed() && each.asked < each.end);
        while (!reading && hasBuffer() && !unwritten.isEmpty()) {
            PrefixNode node = unwritten.remove();
            node.saving = PrefixNode.Saving.NOT;
            if (!node.detached && store.accepts(io.pageBytes()) && write(node)) {
                return;
            }
        }
    }

    /** A node is about to be dropped: its last chance, if there is a buffer. */
    private void rescue(PrefixNode node) {
        if (node.saving != PrefixNode.Saving.SENT
                && node.content.length() == PrefixTree.PAGE
                && hasBuffer()
                && store.accepts(io.pageBytes())
                && !store.has(name(node.digest()))) {
            write(node);
        }
    }

    /** Copies a page out and sends it off; false where there is nothing to copy. */
    private boolean write(PrefixNode node) {
        long present = 0;
        for (int group = 0; group < node.pages.length; group++) {
            present |= node.pages[group] < 0 ? 0 : 1L << group;
        }
        MemorySegment buffer = present == 0 ? null : takeBuffer();
        if (buffer == null) {
            return false;
        }
        boolean sent = false;
        try {
            io.read(node.pages, buffer);
            sent = true;
        } finally {
            if (!sent) {
                underWay--;
                buffers.push(buffer);
            }
        }
        node.saving = PrefixNode.Saving.SENT;
        store.write(
                address(node),
                present,
                buffer,
                () -> arrive(() -> {
                    buffers.push(buffer);
                    node.saving = PrefixNode.Saving.NOT;
                }));
        return true;
    }

    private void arrive(Runnable what) {
        arrivals.add(() -> {
            underWay--;
            what.run();
        });
        wake.run();
    }

    private boolean hasBuffer() {
        return buffersToMake > 0 || !buffers.isEmpty();
    }

    /** A buffer on its way to the store's thread, or null. */
    private @Nullable MemorySegment takeBuffer() {
        MemorySegment buffer = buffers.poll();
        if (buffer == null && buffersToMake > 0) {
            buffersToMake--;
            // Whichever thread lets go of it last.
            buffer = Arena.ofAuto().allocate(io.pageBytes(), 64);
        }
        underWay += buffer == null ? 0 : 1;
        return buffer;
    }

    private DiskIndex.Name name(ChainDigest digest) {
        return new DiskIndex.Name(folder, digest);
    }

    private PageAddress address(PrefixKey key, int index) {
        ChainDigest parent = index == 0 ? key.root() : key.digest(index - 1);
        PageContent content = key.page(index, PrefixTree.PAGE).detached();
        return address(key.scope, parent, key.digest(index), index, content);
    }

    private PageAddress address(PrefixNode node) {
        ChainDigest parent = Objects.requireNonNull(node.parent).digest();
        return address(node.scope, parent, node.digest(), node.index, node.content);
    }

    private PageAddress address(String scope, ChainDigest parent, ChainDigest digest, int index, PageContent content) {
        return new PageAddress(folder, identityDigest, identity.scopeDigest(scope), parent, digest, index, content);
    }

    /** Writes what is left to be written and waits for it, as long as that takes no longer than the limit. */
    public void flush(Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        while ((underWay > 0 || !unwritten.isEmpty()) && System.nanoTime() - end < 0) {
            if (!pump() && underWay > 0) {
                try {
                    Runnable arrival = arrivals.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
                    if (arrival != null) {
                        arrival.run();
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return;
                }
            }
        }
    }

    /** Gives up what is not under way. The store stays open. */
    @Override
    public void close() {
        tree.onEvict(node -> {});
        promotions.forEach(Promotion::close);
        promotions.clear();
        unwritten.clear();
    }
}
