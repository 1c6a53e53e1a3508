package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(OnMlxThread.class)
class DeviceDescriptionTest {

    private static final AddressLayout STRING =
            ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));

    @Test
    void theProcessorIsDescribedWithItsMemory() {
        DeviceDescription cpu = DeviceDescription.cpu();
        assertEquals(Device.CPU, cpu.device());
        assertEquals(DeviceDescription.Backend.CPU, cpu.backend());
        assertFalse(cpu.name().isEmpty());
        assertTrue(cpu.memory() > 1L << 28, cpu.memory() + " bytes");
    }

    @Test
    void aGpuIsDescribedWhereTheLoadedMlxHasOne() {
        assertEquals(Device.GPU.isAvailable(), DeviceDescription.gpu().isPresent());
    }

    @Test
    void aPolicysVariablesReachTheLibraryButNeverReplaceTheUsers() throws Throwable {
        DevicePolicy policy = DevicePolicy.of(DeviceDescription.cpu());
        policy.with(Map.of("VLLMD_TEST_VARIABLE", "first")).prepare();
        policy.with(Map.of("VLLMD_TEST_VARIABLE", "second")).prepare();
        assertEquals("first", environment("VLLMD_TEST_VARIABLE"));
    }

    /** As the libraries of this process see it; Java's own view is as old as the process. */
    private static String environment(String name) throws Throwable {
        Linker linker = Linker.nativeLinker();
        var getenv = linker.downcallHandle(
                linker.defaultLookup().find("getenv").orElseThrow(),
                FunctionDescriptor.of(STRING, ValueLayout.ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            return ((MemorySegment) getenv.invokeExact(arena.allocateFrom(name))).getString(0);
        }
    }
}
