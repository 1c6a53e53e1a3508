package io.vllmd.http;

import java.util.concurrent.atomic.AtomicLong;

/** Bounds the memory of all bodies that are being read, whatever the number of connections. */
final class BodyBudget {
    private final AtomicLong left;

    BodyBudget(long bytes) {
        this.left = new AtomicLong(bytes);
    }

    boolean take(long bytes) {
        if (left.addAndGet(-bytes) >= 0) {
            return true;
        }
        left.addAndGet(bytes);
        return false;
    }

    void giveBack(long bytes) {
        left.addAndGet(bytes);
    }
}
