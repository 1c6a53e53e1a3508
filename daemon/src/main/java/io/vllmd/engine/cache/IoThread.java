package io.vllmd.engine.cache;

import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A platform thread for file work, as virtual ones would pin their carriers in it: reads first, then writes. */
final class IoThread implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(IoThread.class);

    /** In the order in which they are done. */
    enum Kind {
        /** Somebody waits for it. */
        READ,
        WRITE,
        /** After all others that are there. */
        BACKGROUND,
        STOP
    }

    private record Job(Kind kind, long number, Runnable work) implements Comparable<Job> {
        @Override
        public int compareTo(Job other) {
            int order = kind.compareTo(other.kind);
            return order != 0 ? order : Long.compare(number, other.number);
        }
    }

    private final PriorityBlockingQueue<Job> jobs = new PriorityBlockingQueue<>();
    private final AtomicLong numbers = new AtomicLong();
    private final Thread thread;

    IoThread(String name) {
        thread = Thread.ofPlatform().name(name).daemon().start(this::loop);
    }

    void submit(Kind kind, Runnable work) {
        jobs.add(new Job(kind, numbers.incrementAndGet(), work));
    }

    private void loop() {
        while (true) {
            Job job;
            try {
                job = jobs.take();
            } catch (InterruptedException e) {
                // Nobody but the end of the process has a reason to: what is under way is lost, as after a crash.
                return;
            }
            if (job.kind == Kind.STOP) {
                return;
            }
            try {
                job.work.run();
            } catch (RuntimeException | Error e) {
                log.error("Work on the KV cache's disk tier failed", e);
            }
        }
    }

    /** Ends once all work that was submitted is done. */
    @Override
    public void close() {
        submit(Kind.STOP, () -> {});
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
