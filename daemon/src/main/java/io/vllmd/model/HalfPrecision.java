package io.vllmd.model;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A file's numbers of 16 bits as another type: as float32, which is exact, or bfloat16 as float16, which keeps all of
 * its eight digits between 6e-5 and 65,504; what is larger becomes the largest.
 */
final class HalfPrecision {
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final float LARGEST_FLOAT16 = 65_504;

    private HalfPrecision() {}

    /** Reads a bfloat16 or float16 tensor into memory of as many elements of {@code wanted}: FLOAT32 or FLOAT16. */
    static void read(ModelFolder.Entry entry, Dtype wanted, MemorySegment into) {
        Dtype dtype = entry.tensor().dtype();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment halves = arena.allocate(entry.tensor().nbytes(), 2);
            entry.read(halves);
            long count = entry.tensor().nbytes() / 2;
            for (long i = 0; i < count; i++) {
                float number = widen(halves.get(HALF, i * 2), dtype);
                switch (wanted) {
                    case FLOAT32 -> into.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4, number);
                    case FLOAT16 -> into.set(HALF, i * 2, narrow(number));
                    default -> throw new IllegalArgumentException("half precision as " + wanted);
                }
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

    /** The nearest float16; an infinity only of an infinity. */
    static short narrow(float number) {
        return Float.floatToFloat16(
                Float.isInfinite(number) ? number : Math.clamp(number, -LARGEST_FLOAT16, LARGEST_FLOAT16));
    }
}
