package io.vllmd.engine.cache;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What looking up and publishing cost a page, in nanoseconds, minimum of many rounds. Run its main method. */
final class CacheBenchmark {
    private CacheBenchmark() {}

    public static void main(String[] arguments) {
        System.out.println("pages of prompt, publish, match, match + release, peek, evict: ns a page");
        for (int pages : new int[] {8, 128, 1024}) {
            double[] best = new double[5];
            Arrays.fill(best, Double.MAX_VALUE);
            for (int round = 0; round < 20_000_000 / (pages * 500) + 50; round++) {
                measure(pages, best);
            }
            System.out.printf(
                    Locale.ROOT,
                    "%5d %8.0f %8.0f %8.0f %8.0f %8.0f%n",
                    pages,
                    best[0],
                    best[1],
                    best[2],
                    best[3],
                    best[4]);
        }
    }

    private static void measure(int pages, double[] best) {
        PagePool pool = new PagePool(2 * pages + 2000);
        PrefixTree tree = new PrefixTree(List.of(pool));
        // A hundred other first pages: siblings to be told apart.
        for (int i = 0; i < 100; i++) {
            publish(tree, pool, TreeFixture.ids(1000 * i + 1, 64)).release(pool);
        }
        int[] prompt = TreeFixture.ids(0, pages * 64);
        PageTable table = new PageTable();
        for (int i = 0; i < pages; i++) {
            table.add(pool.take());
        }
        PrefixKey first = tree.key("", prompt, List.of());
        long start = System.nanoTime();
        tree.publish(first, prompt, prompt.length, List.of(table), true);
        best[0] = Math.min(best[0], (System.nanoTime() - start) / (double) pages);
        table.release(pool);
        PrefixKey key = tree.key("", prompt, List.of());
        start = System.nanoTime();
        Match match = tree.match(key, prompt.length);
        best[1] = Math.min(best[1], (System.nanoTime() - start) / (double) pages);
        match.fullPages().forEach(page -> pool.release(page[0]));
        best[2] = Math.min(best[2], (System.nanoTime() - start) / (double) pages);
        PrefixKey other = tree.key("", prompt, List.of());
        start = System.nanoTime();
        tree.peek(other, prompt.length);
        best[3] = Math.min(best[3], (System.nanoTime() - start) / (double) pages);
        start = System.nanoTime();
        tree.evict(pages);
        best[4] = Math.min(best[4], (System.nanoTime() - start) / (double) pages);
    }

    private static PageTable publish(PrefixTree tree, PagePool pool, int[] prompt) {
        PageTable table = new PageTable();
        table.add(pool.take());
        tree.publish(tree.key("", prompt, List.of()), prompt, prompt.length, List.of(table), true);
        return table;
    }
}
