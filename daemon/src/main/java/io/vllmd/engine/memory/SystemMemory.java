package io.vllmd.engine.memory;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Optional;

/**
 * The memory that models can be in.
 *
 * @param bytes the machine's, or what a container or a device leaves of it
 */
public record SystemMemory(long bytes) {

    /** What the system, other programs and the Java heap get, of a machine that has several times as much. */
    private static final long FOR_OTHERS = 2L << 30;

    /** And of a large one, as a part of all. */
    private static final int PART_FOR_OTHERS = 8;

    /** Keys and values get this part of what models may take: weights get the rest. */
    private static final int PART_FOR_KV = 4;

    /** Or so much in any case: a conversation of some length with a small model. */
    private static final long LEAST_KV = 256L << 20;

    /** Of a device that has memory of its own, or less than the machine has. */
    private static volatile long device = Long.MAX_VALUE;

    /** From now on nothing counts beyond so many bytes: the device's that models run on. */
    public static void within(long deviceBytes) {
        device = deviceBytes > 0 ? deviceBytes : Long.MAX_VALUE;
    }

    /** What this process may use: of the machine or, in a container, of its limit; empty where nobody says. */
    public static Optional<SystemMemory> current() {
        long all = ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : 0;
        return all > 0 ? Optional.of(new SystemMemory(Math.min(all, device))) : Optional.empty();
    }

    /** What models may take, and all that is computed with them. */
    public long forModels() {
        return bytes - Math.min(bytes / 2, Math.max(FOR_OTHERS, bytes / PART_FOR_OTHERS));
    }

    /** What keys and values get where nobody says: a quarter of {@link #forModels}, and 256 MiB at least. */
    public long forKv() {
        return Math.max(LEAST_KV, forModels() / PART_FOR_KV);
    }
}
