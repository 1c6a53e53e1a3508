package io.vllmd.engine.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SystemMemoryTest {
    private static final long GB = 1L << 30;

    @Test
    void othersGetTwoGigabytesOrAnEighthAndNeverMoreThanHalf() {
        assertEquals(GB, new SystemMemory(2 * GB).forModels());
        assertEquals(6 * GB, new SystemMemory(8 * GB).forModels());
        assertEquals(14 * GB, new SystemMemory(16 * GB).forModels());
        assertEquals(56 * GB, new SystemMemory(64 * GB).forModels());
    }

    @Test
    void keysGetAQuarterOfThatButEnoughForAConversation() {
        assertEquals(GB / 4, new SystemMemory(GB).forKv());
        assertEquals(6 * GB / 4, new SystemMemory(8 * GB).forKv());
        assertEquals(14 * GB, new SystemMemory(64 * GB).forKv());
    }

    @Test
    void thisMachineSaysHowMuchItHas() {
        assertTrue(SystemMemory.current().orElseThrow().bytes() >= GB / 2);
        SystemMemory.within(GB / 4);
        try {
            assertEquals(GB / 4, SystemMemory.current().orElseThrow().bytes());
        } finally {
            SystemMemory.within(0);
        }
    }
}
