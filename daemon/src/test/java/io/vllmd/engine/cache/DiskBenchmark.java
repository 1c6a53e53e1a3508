package io.vllmd.engine.cache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;

/**
 * How fast pages of several sizes go to disk and come back through {@link DiskTier}, and how fast a start finds them.
 * Run its main method with a folder; with "cold" behind it, as root on Linux, reads come from the disk.
 */
final class DiskBenchmark {
    private static final long TOTAL = 512L << 20;

    private DiskBenchmark() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path root = Files.createTempDirectory(Path.of(arguments[0]), "kv");
        boolean cold = arguments.length > 1;
        System.out.println("page KiB, pages, write MB/s, read MB/s, start µs a page");
        for (long size : new long[] {64 << 10, 256 << 10, 1 << 20, 4 << 20, 15 << 20}) {
            measure(root.resolve(size + ""), size, (int) Math.min(2000, TOTAL / size), cold);
        }
    }

    private static void measure(Path root, long size, int pages, boolean cold)
            throws IOException, InterruptedException {
        CacheIdentity identity = new CacheIdentity("benchmark", "" + size, "");
        int[] prompt = DiskFixture.prompt(1, pages);
        long start;
        double write;
        try (DiskStore store = DiskStore.open(root, Long.MAX_VALUE)) {
            Semaphore wakes = new Semaphore(0);
            PagePool pool = new PagePool(pages);
            PrefixTree tree = new PrefixTree(List.of(pool), new int[1], "");
            DiskTier tier = new DiskTier(store, identity, tree, new Memory(size, pool), wakes::release);
            PageTable table = new PageTable();
            for (int i = 0; i < pages; i++) {
                table.add(pool.take());
            }
            PrefixKey key = tree.key("", prompt, List.of());
            tree.publish(key, prompt, prompt.length, List.of(table), false);
            start = System.nanoTime();
            tier.save(key, prompt.length);
            tier.flush(Duration.ofHours(1));
            write = megabytes(size, pages, start);
        }
        if (cold) {
            new ProcessBuilder("sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches")
                    .start()
                    .waitFor();
        }
        start = System.nanoTime();
        try (DiskStore store = DiskStore.open(root, Long.MAX_VALUE)) {
            while (store.stats().pages() < pages) {
                Thread.onSpinWait();
            }
            double micros = (System.nanoTime() - start) / 1e3 / pages;
            Semaphore wakes = new Semaphore(0);
            PagePool pool = new PagePool(pages);
            PrefixTree tree = new PrefixTree(List.of(pool), new int[1], "");
            DiskTier tier = new DiskTier(store, identity, tree, new Memory(size, pool), wakes::release);
            start = System.nanoTime();
            Promotion promotion = tier.promote(tree.key("", prompt, List.of()), 0);
            while (!promotion.done()) {
                wakes.drainPermits();
                if (!tier.pump() && !promotion.done()) {
                    wakes.acquire();
                }
            }
            double read = megabytes(size, pages, start);
            System.out.printf(
                    Locale.ROOT, "%6d %6d %8.0f %8.0f %8.1f%n", size >> 10, promotion.pages(), write, read, micros);
            promotion.close();
        }
    }

    private static double megabytes(long size, int pages, long start) {
        return size * (double) pages / 1e6 / ((System.nanoTime() - start) / 1e9);
    }

    /** One page for all: only a copy's cost. */
    private record Memory(long pageBytes, PagePool pool, MemorySegment page) implements PageIo {
        Memory(long pageBytes, PagePool pool) {
            this(pageBytes, pool, MemorySegment.ofArray(new byte[(int) pageBytes]));
        }

        @Override
        public void read(int[] groupPages, MemorySegment to) {
            to.copyFrom(page);
        }

        @Override
        public void write(int[] groupPages, MemorySegment from) {
            page.copyFrom(from);
        }

        @Override
        public int take(int group) {
            return pool.take();
        }
    }
}
