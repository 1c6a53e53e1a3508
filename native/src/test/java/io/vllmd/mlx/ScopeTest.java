package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(OnMlxThread.class)
@SuppressWarnings("try")
class ScopeTest {

    @Test
    void closingFreesAllButWhatWasKept() {
        Array kept;
        Array freed;
        try (Scope scope = Scope.open()) {
            freed = Array.of(new float[] {1, 2}, 2);
            kept = scope.keep(Mlx.add(freed, freed));
        }
        IllegalStateException e = assertThrows(IllegalStateException.class, freed::toFloats);
        assertTrue(String.valueOf(e.getMessage()).contains("freed"), e.getMessage());
        assertArrayEquals(new float[] {2, 4}, kept.toFloats());
    }

    @Test
    void everyUseOfAFreedArrayIsRefused() {
        Array a;
        try (Scope scope = Scope.open()) {
            a = Array.of(new float[] {1, 2}, 2);
        }
        Array freed = a;
        Array live = Array.of(new float[] {1, 2}, 2);
        assertThrows(IllegalStateException.class, freed::shape);
        assertThrows(IllegalStateException.class, freed::data);
        assertThrows(IllegalStateException.class, freed::detach);
        assertThrows(IllegalStateException.class, () -> Mlx.add(live, freed));
        assertThrows(IllegalStateException.class, () -> Mlx.eval(live, freed));
        assertThrows(IllegalStateException.class, () -> Mlx.concatenate(0, live, freed));
        freed.close();
    }

    @Test
    void keepMovesToTheEnclosingScopeWhichFreesIt() {
        Array array;
        try (Scope outer = Scope.open()) {
            try (Scope inner = Scope.open()) {
                array = inner.keep(Array.of(new float[] {5}, 1));
                assertEquals(0, inner.size());
            }
            assertEquals(1, outer.size());
            assertEquals(5, array.toFloats()[0]);
        }
        assertThrows(IllegalStateException.class, array::toFloats);
    }

    @Test
    void keepLeavesArraysOfOuterScopesWhereTheyAre() {
        try (Scope outer = Scope.open()) {
            Array array = Array.of(new float[] {5}, 1);
            try (Scope inner = Scope.open()) {
                assertSame(array, inner.keep(array));
            }
            assertEquals(1, outer.size());
        }
    }

    @Test
    void detachedAndClosedArraysLeaveTheirScope() {
        Array detached;
        try (Scope scope = Scope.open()) {
            detached = Array.of(new float[] {7}, 1).detach();
            Array closed = Array.of(new float[] {8}, 1);
            closed.close();
            assertThrows(IllegalStateException.class, closed::toFloats);
            assertEquals(0, scope.size());
        }
        assertEquals(7, detached.toFloats()[0]);
        detached.close();
        assertThrows(IllegalStateException.class, detached::toFloats);
    }

    @Test
    void scopesCloseInReverseOrderOnly() {
        Scope outer = Scope.open();
        Scope inner = Scope.open();
        assertThrows(IllegalStateException.class, outer::close);
        inner.close();
        outer.close();
        outer.close();
        assertThrows(IllegalStateException.class, () -> outer.keep(Array.of(new float[1], 1)));
    }

    @Test
    void aThousandArraysAreFreedTogether() {
        long before = Mlx.memory().active();
        try (Scope scope = Scope.open()) {
            for (int i = 0; i < 1000; i++) {
                Array.of(new float[100], 100);
            }
            assertTrue(Mlx.memory().active() >= before + 400_000);
        }
        assertEquals(before, Mlx.memory().active());
    }
}
