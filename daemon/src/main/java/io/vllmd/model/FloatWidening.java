package io.vllmd.model;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Half-precision numbers of a file as float32: exact, every one of them is a float32. */
final class FloatWidening {
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private FloatWidening() {}

    /** Reads a bfloat16 or float16 tensor into float32 memory of as many elements. */
    static void read(ModelFolder.Entry entry, MemorySegment into) {
        Dtype dtype = entry.tensor().dtype();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment halves = arena.allocate(entry.tensor().nbytes(), 2);
            entry.read(halves);
            long count = entry.tensor().nbytes() / 2;
            for (long i = 0; i < count; i++) {
                short half = halves.get(HALF, i * 2);
                into.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4, widen(half, dtype));
            }
        }
    }

    static float widen(short half, Dtype dtype) {
        return switch (dtype) {
            case BFLOAT16 -> Float.intBitsToFloat(half << 16);
            case FLOAT16 -> Float.float16ToFloat(half);
            default -> throw new IllegalArgumentException(dtype + " is no half-precision type");
        };
    }
}
