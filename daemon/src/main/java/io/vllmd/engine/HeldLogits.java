package io.vllmd.engine;

import io.vllmd.mlx.Array;

/** Logits of rows whose guides have not said yet what may come. Lives until the last of its rows was used. */
final class HeldLogits {
    /** [rows, vocabulary]. */
    final Array logits;

    private int users;

    /** @param logits owned by this */
    HeldLogits(Array logits, int rows) {
        this.logits = logits;
        this.users = rows;
    }

    void release() {
        users--;
        if (users == 0) {
            logits.close();
        }
    }
}
