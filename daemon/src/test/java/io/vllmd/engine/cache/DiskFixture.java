package io.vllmd.engine.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/**
 * A daemon's life with one model whose pages are 1,000 bytes in each of two groups. A page's bytes follow from all that
 * stands before and on it, and are looked at whenever a page is found.
 */
final class DiskFixture implements AutoCloseable {
    static final int GROUP_BYTES = 1000;
    static final CacheIdentity IDENTITY = new CacheIdentity("weights", "float32", "1");

    private final int window;
    final PagePool[] pools;
    final PrefixTree tree;
    final DiskStore store;
    final DiskTier tier;
    private final List<Map<Integer, byte[]>> memory = List.of(new HashMap<>(), new HashMap<>());
    private final Semaphore wakes = new Semaphore(0);

    DiskFixture(Path root) {
        this(root, 1 << 30, IDENTITY, 100);
    }

    DiskFixture(Path root, long budget, CacheIdentity identity, int pages) {
        this(DiskStore.open(root, budget, () -> Long.MAX_VALUE, () -> 0), identity, pages, 0);
    }

    DiskFixture(Path root, LongSupplier usable, LongSupplier clock) {
        this(DiskStore.open(root, 1 << 30, usable, clock), IDENTITY, 100, 0);
    }

    /** One whose second group has a window. */
    DiskFixture(Path root, int window) {
        this(DiskStore.open(root, 1 << 30, () -> Long.MAX_VALUE, () -> 0), IDENTITY, 100, window);
    }

    private DiskFixture(DiskStore store, CacheIdentity identity, int pages, int window) {
        this.window = window;
        this.store = store;
        pools = new PagePool[] {new PagePool(pages), new PagePool(pages)};
        tree = new PrefixTree(List.of(pools), new int[] {0, window}, identity.folder());
        tier = new DiskTier(store, identity, tree, new Memory(), wakes::release);
    }

    private final class Memory implements PageIo {
        @Override
        public long pageBytes() {
            return 2 * GROUP_BYTES;
        }

        @Override
        public void read(int[] groupPages, MemorySegment to) {
            for (int group = 0; group < 2; group++) {
                if (groupPages[group] >= 0) {
                    byte[] bytes = memory.get(group).get(groupPages[group]);
                    MemorySegment.copy(bytes, 0, to, ValueLayout.JAVA_BYTE, group * 1000L, GROUP_BYTES);
                }
            }
        }

        @Override
        public void write(int[] groupPages, MemorySegment from) {
            for (int group = 0; group < 2; group++) {
                if (groupPages[group] >= 0) {
                    byte[] bytes = from.asSlice(group * 1000L, GROUP_BYTES).toArray(ValueLayout.JAVA_BYTE);
                    memory.get(group).put(groupPages[group], bytes);
                }
            }
        }

        @Override
        public int take(int group) {
            if (pools[group].free() == 0) {
                tree.evict(2);
            }
            return pools[group].take();
        }
    }

    private static byte[] content(String scope, int[] prompt, int page, int group) {
        int[] before = Arrays.copyOf(prompt, (page + 1) * PrefixTree.PAGE);
        byte[] bytes = new byte[GROUP_BYTES];
        new Random((scope.hashCode() * 31L + Arrays.hashCode(before)) * 31 + group).nextBytes(bytes);
        return bytes;
    }

    /** A turn of a prompt of full pages; how many of them needed not be computed. */
    int turn(int[] prompt) {
        return turn("", prompt, true);
    }

    int turn(String scope, int[] prompt, boolean save) {
        PrefixKey key = tree.key(scope, prompt, List.of());
        Promotion promotion = tier.promote(key, tree.peek(key, prompt.length) / PrefixTree.PAGE);
        await(promotion);
        Match match = tree.match(key, prompt.length);
        promotion.close();
        List<PageTable> tables = List.of(new PageTable(), new PageTable());
        int pages = prompt.length / PrefixTree.PAGE;
        for (int page = 0; page < pages; page++) {
            for (int group = 0; group < 2; group++) {
                byte[] expected = content(scope, prompt, page, group);
                if (page < match.fullPages().size()) {
                    int found = match.fullPages().get(page)[group];
                    if (found >= 0) {
                        assertArrayEquals(expected, memory.get(group).get(found), "page " + page);
                    }
                    tables.get(group).add(found);
                } else {
                    int taken = new Memory().take(group);
                    assertTrue(taken >= 0);
                    memory.get(group).put(taken, expected);
                    tables.get(group).add(taken);
                }
            }
        }
        if (match.partial() != null) {
            tree.release(match.partial());
        }
        for (int page = 0; window > 0 && (page + 1) * PrefixTree.PAGE <= prompt.length - window + 1; page++) {
            tables.get(1).drop(page, pools[1]);
        }
        tree.publish(key, prompt, prompt.length, tables, true);
        if (save) {
            tier.save(key, prompt.length);
        }
        tables.get(0).release(pools[0]);
        tables.get(1).release(pools[1]);
        return match.fullPages().size();
    }

    void await(Promotion promotion) {
        while (!promotion.done()) {
            step();
        }
    }

    private void step() {
        wakes.drainPermits();
        if (!tier.pump() && tier.busy()) {
            try {
                assertTrue(wakes.tryAcquire(60, TimeUnit.SECONDS), "nobody is woken");
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    /** Until all is on disk. */
    DiskFixture settle() {
        while (tier.busy()) {
            step();
        }
        return this;
    }

    /** Until all files that were there at the start have been looked at. */
    DiskFixture scanned() throws InterruptedException {
        while (!store.scanned()) {
            Thread.sleep(1);
        }
        return this;
    }

    /** Settles, and ends as a daemon does. */
    @Override
    public void close() {
        settle();
        kill();
        tree.clear();
        assertEquals(0, pools[0].used() + pools[1].used());
    }

    /** Ends with pages unwritten. */
    void kill() {
        tier.close();
        store.close();
    }

    static int[] prompt(int seed, int pages) {
        return new Random(seed).ints(64L * pages, 0, 1000).toArray();
    }

    /** Page files, sorted by name. */
    static List<Path> files(Path root) {
        return files(root, PageFiles.SUFFIX);
    }

    static List<Path> files(Path root, String suffix) {
        try (Stream<Path> all = Files.walk(root)) {
            List<Path> files = new ArrayList<>(all.filter(file ->
                            file.toString().endsWith(suffix) && !file.startsWith(root.resolve(Quarantine.FOLDER)))
                    .sorted()
                    .toList());
            return files;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
