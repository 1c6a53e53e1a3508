package io.vllmd.mlx;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A device as the system describes it.
 *
 * @param device which of MLX's devices it is
 * @param name as the vendor sells it, such as "Apple M3 Max" or "NVIDIA H100 80GB HBM3"
 * @param architecture as the driver names it, such as "sm_90"; empty where nobody says
 * @param memory bytes; on a Mac the machine's, which processor and GPU share
 */
public record DeviceDescription(Device device, String name, String architecture, long memory) {

    private static final Pattern APPLE = Pattern.compile("Apple M(\\d+)( Pro| Max| Ultra)?\\b.*");

    /** What drives the device. */
    public enum Backend {
        CPU,
        METAL,
        CUDA
    }

    /** What Apple sells of a generation, by the width of its memory. */
    public enum Tier {
        BASE,
        PRO,
        MAX,
        ULTRA
    }

    /** The processor. Belongs to the MLX thread. */
    public static DeviceDescription cpu() {
        return LibraryCalls.deviceInfo(OwnerThread.current(), Device.CPU);
    }

    /**
     * The GPU that the loaded MLX is for, if there is one. On a Mac MLX's device is not woken by this, as it is by
     * {@link Device#isAvailable}: what MLX reads of the environment when it wakes can be set after it. Belongs to the
     * MLX thread.
     */
    public static Optional<DeviceDescription> gpu() {
        DeviceDescription gpu = LibraryCalls.deviceInfo(OwnerThread.current(), Device.GPU);
        return gpu.name().isEmpty() ? Optional.empty() : Optional.of(gpu);
    }

    public Backend backend() {
        if (device == Device.CPU) {
            return Backend.CPU;
        }
        return name.startsWith("Apple") ? Backend.METAL : Backend.CUDA;
    }

    /** 1 for M1 and so on; 0 where the device is none of Apple's, or of a line nobody has recorded. */
    public int appleGeneration() {
        Matcher apple = APPLE.matcher(name);
        return apple.matches() ? Integer.parseInt(apple.group(1)) : 0;
    }

    /** Of an Apple chip; the least where its name says nothing. */
    public Tier tier() {
        Matcher apple = APPLE.matcher(name);
        String suffix = apple.matches() ? apple.group(2) : null;
        return suffix == null ? Tier.BASE : Tier.valueOf(suffix.strip().toUpperCase(Locale.ROOT));
    }
}
