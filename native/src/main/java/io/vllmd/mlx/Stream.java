package io.vllmd.mlx;

import java.util.function.Supplier;

/** An ordered queue of work on a device; MLX's streams belong to the thread that made them. */
public final class Stream {

    private final long handle;

    private Stream(long handle) {
        this.handle = handle;
    }

    /** A new stream on the device. */
    public static Stream on(Device device) {
        return new Stream(LibraryCalls.newStream(OwnerThread.current(), device.code()));
    }

    /** Places the operations that {@code work} builds on this stream, not on the default one. */
    public <T> T run(Supplier<T> work) {
        OwnerThread thread = OwnerThread.current();
        long before = thread.stream;
        thread.stream = handle;
        try {
            return work.get();
        } finally {
            thread.stream = before;
        }
    }

    /** Waits until everything queued on this stream is done. */
    public void synchronize() {
        LibraryCalls.synchronize(OwnerThread.current(), handle);
    }
}
