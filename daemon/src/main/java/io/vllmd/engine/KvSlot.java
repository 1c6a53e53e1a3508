package io.vllmd.engine;

/** One sequence's place in the KV cache: slot {@code index} in every layer's arena of one capacity class. */
final class KvSlot {
    final CapacityClass home;
    final int index;

    /** Positions whose keys and values have been written by steps already submitted. */
    int length;

    KvSlot(CapacityClass home, int index) {
        this.home = home;
        this.index = index;
    }
}
