package io.vllmd.engine.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class PageTableTest {
    private final PagePool pool = new PagePool(100);
    private final PageTable table = new PageTable();

    @Test
    void holdsPagesInOrder() {
        for (int i = 0; i < 20; i++) {
            table.add(pool.take());
        }
        assertEquals(20, table.length());
        assertEquals(13, table.get(13));
        assertEquals(20, table.pages().length);
    }

    @Test
    void pagesBehindAWindowAreGivenBackOnce() {
        table.add(pool.take());
        table.add(pool.take());
        table.drop(0, pool);
        table.drop(0, pool);
        assertArrayEquals(new int[] {-1, 1}, table.pages());
        assertEquals(1, pool.used());
        table.release(pool);
        assertEquals(0, pool.used());
        assertEquals(0, table.length());
    }

    @Test
    void anEntryBeyondItsLengthIsAFault() {
        table.add(pool.take());
        assertThrows(IndexOutOfBoundsException.class, () -> table.get(1));
        assertThrows(IndexOutOfBoundsException.class, () -> table.drop(-1, pool));
    }
}
