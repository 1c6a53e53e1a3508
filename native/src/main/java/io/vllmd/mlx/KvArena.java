package io.vllmd.mlx;

/**
 * Keys and values of one attention layer, [slots, kvHeads, capacity, headDim] each, written in place. It is
 * owned by no scope: whoever allocates it closes it.
 */
public final class KvArena implements AutoCloseable {

    final Array k;
    final Array v;
    private final int slots;
    private final int kvHeads;
    private final int capacity;
    private final int headDim;

    private KvArena(Array k, Array v, int slots, int kvHeads, int capacity, int headDim) {
        this.k = k;
        this.v = v;
        this.slots = slots;
        this.kvHeads = kvHeads;
        this.capacity = capacity;
        this.headDim = headDim;
    }

    /** Zeroed: a backend that masks instead of skipping must not meet a NaN in positions never written. */
    public static KvArena allocate(int slots, int kvHeads, int capacity, int headDim, Dtype dtype) {
        int[] shape = {slots, kvHeads, capacity, headDim};
        Array k = Mlx.full(shape, 0, dtype).detach();
        try {
            Array v = Mlx.full(shape, 0, dtype).detach();
            try {
                Mlx.eval(k, v);
                return new KvArena(k, v, slots, kvHeads, capacity, headDim);
            } catch (RuntimeException e) {
                v.close();
                throw e;
            }
        } catch (RuntimeException e) {
            k.close();
            throw e;
        }
    }

    public int slots() {
        return slots;
    }

    public int kvHeads() {
        return kvHeads;
    }

    /** Positions of a slot. */
    public int capacity() {
        return capacity;
    }

    public int headDim() {
        return headDim;
    }

    /** Bytes of keys and values together. */
    public long nbytes() {
        return k.nbytes() + v.nbytes();
    }

    /**
     * Copies the first {@code length} positions of a slot of {@code from} to a slot of this arena, in place.
     * The arenas may differ in slots and capacity, and may be the same one.
     */
    public void copySlot(int to, KvArena from, int fromSlot, int length) {
        OwnerThread thread = OwnerThread.current();
        EngineCalls.kvCopy(thread, k, to, from.k, fromSlot, length);
        EngineCalls.kvCopy(thread, v, to, from.v, fromSlot, length);
    }

    @Override
    public void close() {
        k.close();
        v.close();
    }
}
