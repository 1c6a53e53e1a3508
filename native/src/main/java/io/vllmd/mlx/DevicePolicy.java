package io.vllmd.mlx;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How MLX is set up for a device, each decision with its reason. What is decided for Apple's chips rests on others'
 * published measurements and on MLX's code: nobody has run it there yet.
 *
 * <p>One thing is decided by its absence: MLX's limit of wired memory is never set. Wiring under concurrent buffers
 * has brought whole machines down ("prepare count underflow", within two minutes in a controlled run, never in four
 * hours without it), and no speed is known to come of it where memory suffices.
 *
 * @param cacheBytes most that MLX's allocator keeps of freed memory. Its own limit is nearly all of the machine, so a
 *     daemon's footprint only grows; a sixteenth, within 2 to 8 GB, holds some steps' worth of temporaries. -1 leaves
 *     the CPU allocator's own: a larger one made nothing faster and held 220 MB more
 * @param environment variables for MLX, which reads them once at its first use of the device; what the user has set
 *     stays
 * @param prefillChunk most rows of one step. Apple's chips: a dispatch that runs too long is killed by the system's
 *     watchdog, and until a command buffer ends all its temporaries live, which raised buffer caps multiply
 * @param halfPrecision what bfloat16 weights become at load, or null to leave them. M1 and M2 have no bfloat16: with
 *     float16 scales a 30B-A3B model went from 47 to 84 tokens a second there
 * @param fusedAttentionFrom number of keys from which heads wider than 128 take MLX's fused attention for many rows;
 *     Integer.MAX_VALUE never. Its kernel for them is slower than plain products before M5, but those hold all scores
 *     of a layer at once, which at 8,192 keys is 128 MB a head group for 512 rows
 */
public record DevicePolicy(
        long cacheBytes,
        Map<String, String> environment,
        int prefillChunk,
        @Nullable Dtype halfPrecision,
        int fusedAttentionFrom) {

    private static final long GB = 1L << 30;

    /** The first of Apple's generations whose GPUs compute in bfloat16. */
    private static final int FIRST_WITH_BFLOAT16 = 3;

    /** The first with matrix units in the GPU, for which MLX chooses its buffer caps and kernels anew. */
    private static final int FIRST_WITH_MATRIX_UNITS = 5;

    /** Nobody's prompts are read in longer steps, whatever the settings say. */
    private static final int UNBOUNDED = 1 << 16;

    private static volatile DevicePolicy applied =
            of(new DeviceDescription(Device.CPU, "CPU", "", Runtime.getRuntime().maxMemory()));

    public DevicePolicy {
        environment = Map.copyOf(environment);
    }

    public static DevicePolicy of(DeviceDescription device) {
        return switch (device.backend()) {
            case CPU -> new DevicePolicy(-1, Map.of(), UNBOUNDED, null, Integer.MAX_VALUE);
            case CUDA -> new DevicePolicy(cacheBytes(device), Map.of(), UNBOUNDED, null, Integer.MAX_VALUE);
            case METAL ->
                new DevicePolicy(
                        cacheBytes(device),
                        metalEnvironment(device),
                        metalChunk(device),
                        lacksBfloat16(device) ? Dtype.FLOAT16 : null,
                        device.appleGeneration() >= FIRST_WITH_MATRIX_UNITS ? 1024 : 8192);
        };
    }

    /** What was applied last; before that, what a CPU gets. */
    public static DevicePolicy applied() {
        return applied;
    }

    /** Sets the environment, before anything wakes the device. Belongs to the MLX thread. */
    public void prepare() {
        environment.forEach((name, value) -> LibraryCalls.environment(OwnerThread.current(), name, value));
    }

    /** Sets up the rest, for the default device. Belongs to the MLX thread. */
    public void apply() {
        applied = this;
        LibraryCalls.fusedAttentionFrom(OwnerThread.current(), fusedAttentionFrom);
        if (cacheBytes >= 0) {
            LibraryCalls.cacheLimit(OwnerThread.current(), cacheBytes);
        }
    }

    /** With these variables beside its own. */
    public DevicePolicy with(Map<String, String> more) {
        Map<String, String> all = new TreeMap<>(environment);
        all.putAll(more);
        return new DevicePolicy(cacheBytes, all, prefillChunk, halfPrecision, fusedAttentionFrom);
    }

    private static long cacheBytes(DeviceDescription device) {
        return Math.clamp(device.memory() / 16, 2 * GB, 8 * GB);
    }

    private static Map<String, String> metalEnvironment(DeviceDescription device) {
        Map<String, String> variables = new TreeMap<>();
        // Without it macOS drops the weights from the GPU's reach when it was idle, and the next request is slow. MLX
        // has it off unless asked; in ms.
        variables.put("MLX_METAL_RESIDENCY_REFRESH_INTERVAL_MS", "1000");
        int generation = device.appleGeneration();
        if (generation >= 1 && generation < FIRST_WITH_MATRIX_UNITS) {
            // Commits of command buffers cost 3 to 21 % of decoding on M1 to M4 (dense to mixture of experts). That is
            // sound only because keys and values are written in place: an update that waits for its buffer copies the
            // cache. The second counts elements of all inputs, arenas and weights among them. On M5 the defaults won.
            // Temporaries live until their buffer ends, so small machines go less far.
            String cap = device.memory() > 16 * GB ? "1000" : "200";
            variables.put("MLX_MAX_OPS_PER_BUFFER", cap);
            variables.put("MLX_MAX_MB_PER_BUFFER", cap);
        }
        return variables;
    }

    /** Half a second of work at most for a model that such a machine can hold. */
    private static int metalChunk(DeviceDescription device) {
        int base = device.appleGeneration() >= FIRST_WITH_MATRIX_UNITS ? 2 : 1;
        return base
                * switch (device.tier()) {
                    case BASE -> 256;
                    case PRO -> 512;
                    case MAX, ULTRA -> 1024;
                };
    }

    private static boolean lacksBfloat16(DeviceDescription device) {
        return device.appleGeneration() >= 1 && device.appleGeneration() < FIRST_WITH_BFLOAT16;
    }
}
