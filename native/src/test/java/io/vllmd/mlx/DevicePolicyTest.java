package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against devices as their systems describe them. */
class DevicePolicyTest {

    private static final long GB = 1L << 30;

    private static DeviceDescription mac(String name, int gigabytes) {
        return new DeviceDescription(Device.GPU, name, "", gigabytes * GB);
    }

    private static DevicePolicy of(String name, int gigabytes) {
        return DevicePolicy.of(mac(name, gigabytes));
    }

    @ParameterizedTest
    @CsvSource({
        "Apple M1, 1, BASE",
        "Apple M1 Max, 1, MAX",
        "Apple M2 Ultra, 2, ULTRA",
        "Apple M3 Pro, 3, PRO",
        "Apple M4, 4, BASE",
        "Apple M5 Max, 5, MAX",
        "Apple M12 Pro, 12, PRO",
        "Apple A19 Pro, 0, BASE"
    })
    void anApplesGenerationAndTierAreReadFromItsName(String name, int generation, DeviceDescription.Tier tier) {
        DeviceDescription chip = mac(name, 16);
        assertEquals(DeviceDescription.Backend.METAL, chip.backend());
        assertEquals(generation, chip.appleGeneration());
        assertEquals(tier, chip.tier());
    }

    @ParameterizedTest
    @CsvSource({"8, 2", "16, 2", "36, 2.25", "64, 4", "128, 8", "512, 8"})
    void theAllocatorKeepsASixteenthOfTheMemoryWithinTwoToEightGigabytes(int memory, double kept) {
        assertEquals((long) (kept * GB), of("Apple M4 Max", memory).cacheBytes());
    }

    @ParameterizedTest
    @ValueSource(strings = {"Apple M1", "Apple M2 Max", "Apple M3 Ultra", "Apple M4 Pro"})
    void commandBuffersAreLongUpToM4(String name) {
        assertEquals(
                Map.of(
                        "MLX_MAX_OPS_PER_BUFFER", "1000",
                        "MLX_MAX_MB_PER_BUFFER", "1000",
                        "MLX_METAL_RESIDENCY_REFRESH_INTERVAL_MS", "1000"),
                of(name, 32).environment());
    }

    @Test
    void commandBuffersAreShorterWhereTheirTemporariesWouldFillASmallMachine() {
        assertEquals("200", of("Apple M2", 16).environment().get("MLX_MAX_OPS_PER_BUFFER"));
        assertEquals("200", of("Apple M2", 8).environment().get("MLX_MAX_MB_PER_BUFFER"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"Apple M5", "Apple M5 Max", "Apple M6", "Apple Something"})
    void commandBuffersStayAsMlxHasThemFromM5AndWhereTheChipIsUnknown(String name) {
        assertEquals(
                Set.of("MLX_METAL_RESIDENCY_REFRESH_INTERVAL_MS"),
                of(name, 64).environment().keySet());
    }

    @Test
    void bfloat16WeightsBecomeFloat16WhereTheChipLacksIt() {
        assertEquals(Dtype.FLOAT16, of("Apple M1 Pro", 16).halfPrecision());
        assertEquals(Dtype.FLOAT16, of("Apple M2", 24).halfPrecision());
        assertNull(of("Apple M3", 16).halfPrecision());
        assertNull(of("Apple M5", 16).halfPrecision());
        assertNull(of("Apple Something", 16).halfPrecision());
    }

    @Test
    void aStepIsShorterOnASmallerChip() {
        assertEquals(256, of("Apple M1", 16).prefillChunk());
        assertEquals(512, of("Apple M3 Pro", 36).prefillChunk());
        assertEquals(1024, of("Apple M4 Max", 64).prefillChunk());
        assertEquals(1024, of("Apple M2 Ultra", 192).prefillChunk());
        assertEquals(512, of("Apple M5", 32).prefillChunk());
        assertEquals(2048, of("Apple M5 Max", 128).prefillChunk());
    }

    @Test
    void wideHeadsTakeTheFusedKernelSoonerWhereItHasMatrixUnits() {
        assertEquals(8192, of("Apple M4", 32).fusedAttentionFrom());
        assertEquals(1024, of("Apple M5", 32).fusedAttentionFrom());
    }

    @Test
    void anNvidiaGpuKeepsMlxsDefaultsButForTheAllocator() {
        DeviceDescription h100 = new DeviceDescription(Device.GPU, "NVIDIA H100 80GB HBM3", "sm_90", 85_029_158_912L);
        assertEquals(DeviceDescription.Backend.CUDA, h100.backend());
        assertEquals(0, h100.appleGeneration());
        DevicePolicy policy = DevicePolicy.of(h100);
        assertEquals(85_029_158_912L / 16, policy.cacheBytes());
        assertEquals(Map.of(), policy.environment());
        assertNull(policy.halfPrecision());
    }

    @Test
    void aCpuIsLeftAlone() {
        DevicePolicy policy = DevicePolicy.of(new DeviceDescription(Device.CPU, "CPU", "", 16 * GB));
        assertEquals(-1, policy.cacheBytes());
        assertEquals(Map.of(), policy.environment());
        assertEquals(Integer.MAX_VALUE, policy.fusedAttentionFrom());
    }

    @Test
    void moreVariablesComeBesideThePolicys() {
        DevicePolicy policy = of("Apple M5", 64).with(Map.of("MLX_PTX_CACHE_DIR", "/caches"));
        assertEquals("/caches", policy.environment().get("MLX_PTX_CACHE_DIR"));
        assertEquals(2, policy.environment().size());
    }
}
