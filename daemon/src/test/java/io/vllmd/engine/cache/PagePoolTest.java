package io.vllmd.engine.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class PagePoolTest {

    @Test
    void theLowestFreePageComesFirst() {
        PagePool pool = new PagePool(8);
        for (int i = 0; i < 5; i++) {
            assertEquals(i, pool.take());
        }
        pool.release(3);
        pool.release(1);
        assertEquals(1, pool.take());
        assertEquals(3, pool.take());
        assertEquals(5, pool.take());
        assertEquals(6, pool.highest());
    }

    @Test
    void aPageIsFreeOnceItsLastHolderLetGo() {
        PagePool pool = new PagePool(1);
        int page = pool.take();
        pool.retain(page);
        pool.release(page);
        assertEquals(-1, pool.take());
        assertEquals(1, pool.references(page));
        pool.release(page);
        assertEquals(0, pool.references(page));
        assertEquals(page, pool.take());
    }

    @Test
    void freePagesGiveTheirMemoryBackOnceTheHighestFirst() {
        PagePool pool = new PagePool(8);
        for (int i = 0; i < 6; i++) {
            pool.take();
        }
        for (int page : new int[] {1, 3, 4, 5}) {
            pool.release(page);
        }
        assertEquals(4, pool.idle());
        assertArrayEquals(new int[] {4, 5}, pool.trim(2));
        assertEquals(2, pool.idle());
        assertArrayEquals(new int[0], pool.trim(2));
        assertArrayEquals(new int[] {1, 3}, pool.trim(0));
        assertEquals(1, pool.take());
        pool.release(1);
        assertArrayEquals(new int[] {1}, pool.trim(0));
        assertEquals(2, pool.used());
    }

    @Test
    void aLoweredLimitHoldsOnceEnoughWasReleased() {
        PagePool pool = new PagePool(4);
        for (int i = 0; i < 4; i++) {
            pool.take();
        }
        pool.limit(2);
        assertEquals(-2, pool.free());
        pool.release(0);
        pool.release(1);
        assertEquals(-1, pool.take());
        pool.release(2);
        assertEquals(0, pool.take());
        assertEquals(2, pool.used());
    }

    @Test
    void growsFarBeyondWhatItBeganWith() {
        PagePool pool = new PagePool(1000);
        for (int i = 0; i < 1000; i++) {
            assertEquals(i, pool.take());
        }
        assertEquals(-1, pool.take());
    }

    @Test
    void releasingOrRetainingAFreePageIsAFault() {
        PagePool pool = new PagePool(4);
        int page = pool.take();
        pool.release(page);
        assertThrows(IllegalStateException.class, () -> pool.release(page));
        assertThrows(IllegalStateException.class, () -> pool.retain(page));
        assertThrows(IllegalStateException.class, () -> pool.retain(-1));
        assertThrows(IllegalStateException.class, () -> pool.retain(100));
    }
}
