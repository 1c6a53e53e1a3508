package io.vllmd.mlx;

/** Where MLX computes. All methods belong to the MLX thread. */
public enum Device {
    CPU(0),
    GPU(1);

    private final int code;

    Device(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** Whether the loaded MLX can compute there, on this machine. */
    public boolean isAvailable() {
        return LibraryCalls.deviceAvailable(OwnerThread.current(), code);
    }

    /** The GPU where there is one, else the CPU. */
    public static Device preferred() {
        return GPU.isAvailable() ? GPU : CPU;
    }
}
