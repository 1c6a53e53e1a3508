package io.vllmd.http;

import io.netty.channel.Channel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** All open connections, and how many requests are being answered on them. */
final class Connections {
    private final Set<Channel> open = ConcurrentHashMap.newKeySet();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private int answering;
    private volatile boolean draining;

    /** Takes a connection in; gives how many there are with it. */
    int add(Channel channel) {
        open.add(channel);
        channel.closeFuture().addListener(closed -> open.remove(channel));
        return open.size();
    }

    Set<Channel> open() {
        return open;
    }

    void began() {
        change(1);
    }

    void ended() {
        change(-1);
    }

    /** Whether the server is stopping: what runs is finished, nothing new begins. */
    boolean draining() {
        return draining;
    }

    void drain() {
        draining = true;
    }

    /** Waits until no request is being answered; gives whether that came in time. */
    boolean awaitQuiet(Duration limit) throws InterruptedException {
        long left = limit.toNanos();
        lock.lockInterruptibly();
        try {
            while (answering > 0 && left > 0) {
                left = changed.awaitNanos(left);
            }
            return answering == 0;
        } finally {
            lock.unlock();
        }
    }

    private void change(int by) {
        lock.lock();
        try {
            answering += by;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
