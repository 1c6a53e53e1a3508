package io.vllmd.mlx;

/** Element types, with their values in the C library's {@code vm_dtype}. */
public enum Dtype {
    BOOL(0, 1),
    UINT8(1, 1),
    UINT16(2, 2),
    UINT32(3, 4),
    UINT64(4, 8),
    INT8(5, 1),
    INT16(6, 2),
    INT32(7, 4),
    INT64(8, 8),
    FLOAT16(9, 2),
    FLOAT32(10, 4),
    FLOAT64(11, 8),
    BFLOAT16(12, 2),
    COMPLEX64(13, 8);

    private static final Dtype[] BY_CODE = values();

    private final int code;
    private final int bytes;

    Dtype(int code, int bytes) {
        this.code = code;
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Bytes of an array of this type and shape; ArithmeticException where that exceeds a long. */
    long bytesOf(int... shape) {
        long n = bytes;
        for (int d : shape) {
            n = Math.multiplyExact(n, (long) d);
        }
        return n;
    }

    int code() {
        return code;
    }

    static Dtype of(int code) {
        return BY_CODE[code];
    }
}
