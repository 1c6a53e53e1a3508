package io.vllmd.engine.cache;

import static io.vllmd.engine.cache.TreeFixture.ids;
import static io.vllmd.engine.cache.TreeFixture.join;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** A group that sees everything and one that sees the newest 100 positions. */
class SlidingWindowTest {
    private static final int WINDOW = 100;

    private final PagePool full = new PagePool(100);
    private final PagePool sliding = new PagePool(100);
    private final PrefixTree tree = new PrefixTree(List.of(full, sliding), new int[] {0, WINDOW}, "");

    /** Reads a prompt in chunks of 64 as a scheduler does, and gives back what falls behind the window. */
    private final class Turn {
        final PrefixKey key;
        final List<PageTable> tables = List.of(new PageTable(), new PageTable());
        final Match match;

        Turn(int[] prompt) {
            key = tree.key("", prompt, List.of());
            match = tree.match(key, prompt.length - 1);
            for (int[] page : match.fullPages()) {
                tables.get(0).add(page[0]);
                tables.get(1).add(page[1]);
            }
            if (match.partial() != null) {
                tree.release(match.partial());
            }
            for (int length = match.fullPages().size() * 64; length < prompt.length; ) {
                tables.get(0).add(full.take());
                tables.get(1).add(sliding.take());
                length = Math.min(prompt.length, length + 64);
                tree.publish(key, prompt, length, tables, length == prompt.length);
                for (int i = 0; (i + 1) * 64 <= length - WINDOW + 1; i++) {
                    tables.get(1).drop(i, sliding);
                }
            }
        }

        Turn end() {
            tables.get(0).release(full);
            tables.get(1).release(sliding);
            return this;
        }
    }

    @Test
    void whatTheWindowHasPassedIsNotHeldByTheNextTurn() {
        new Turn(ids(0, 640)).end();
        Match match = new Turn(ids(0, 700)).match;
        assertEquals(640, match.tokens());
        assertEquals(-1, match.fullPages().get(7)[1]);
        assertEquals(8, match.fullPages().get(8)[1]);
        assertEquals(9, match.fullPages().get(9)[1]);
    }

    @Test
    void whatTheWindowHasPassedIsEvictedFirstAndTheConversationGoesOn() {
        new Turn(ids(0, 640)).end();
        assertEquals(8, tree.evict(8));
        assertEquals(2, sliding.used());
        assertEquals(10, full.used());
        assertEquals(640, new Turn(ids(0, 700)).match.tokens());
    }

    @Test
    void aPromptThatLeavesTheConversationWhereWindowsAreGoneFallsBackToWhereTheyAreNot() {
        new Turn(ids(0, 640)).end();
        assertEquals(4, tree.evict(4));
        assertEquals(0, new Turn(join(ids(0, 192), ids(900, 10))).end().match.tokens());
        assertEquals(448, new Turn(join(ids(0, 448), ids(900, 10))).match.tokens());
    }

    @Test
    void whoComputesALostPageAgainGivesItBackToItsNode() {
        new Turn(ids(0, 640)).end();
        tree.evict(8);
        new Turn(join(ids(0, 192), ids(900, 10))).end();
        assertEquals(192, new Turn(join(ids(0, 192), ids(950, 10))).match.tokens());
    }

    @Test
    void theOlderConversationGoesFirstWithAllItsPages() {
        new Turn(ids(0, 640)).end();
        new Turn(ids(5000, 640)).end();
        new Turn(ids(0, 650)).end();
        // What both windows have passed, then all the rest of the second conversation.
        assertEquals(16 + 2 + 10, tree.evict(16 + 2 + 10));
        assertEquals(0, new Turn(ids(5000, 640)).end().match.tokens());
        assertEquals(649, new Turn(ids(0, 650)).match.tokens());
    }

    @Test
    void aModelOfNothingButWindowsKeepsNodesWithoutPages() {
        PagePool pool = new PagePool(100);
        PrefixTree windows = new PrefixTree(List.of(pool), new int[] {WINDOW}, "");
        int[] prompt = ids(0, 640);
        PrefixKey key = windows.key("", prompt, List.of());
        PageTable table = new PageTable();
        for (int i = 0; i < 10; i++) {
            table.add(pool.take());
        }
        for (int i = 0; i < 8; i++) {
            table.drop(i, pool);
        }
        windows.publish(key, prompt, 640, List.of(table), false);
        Match match = windows.match(key, 640);
        assertEquals(640, match.tokens());
        assertArrayEquals(new int[] {-1}, match.fullPages().get(7));
        match.fullPages().stream().filter(page -> page[0] >= 0).forEach(page -> pool.release(page[0]));
        assertEquals(0, windows.evictable());
        table.release(pool);
        assertEquals(2, windows.evict(5));
        assertEquals(0, pool.used());
        windows.clear();
        assertEquals(0, windows.stats().nodes());
    }

    @Test
    void aNodeWithoutPagesIsEvictedBeforeItsParent() {
        PagePool pool = new PagePool(100);
        PrefixTree windows = new PrefixTree(List.of(pool), new int[] {WINDOW}, "");
        int[] prompt = ids(0, 192);
        PageTable table = new PageTable();
        for (int i = 0; i < 3; i++) {
            table.add(pool.take());
        }
        table.drop(1, pool);
        table.drop(2, pool);
        windows.publish(windows.key("", prompt, List.of()), prompt, 192, List.of(table), false);
        table.release(pool);
        assertEquals(1, windows.evict(1));
        windows.clear();
        assertEquals(0, windows.stats().nodes());
        assertEquals(0, pool.used());
    }
}
