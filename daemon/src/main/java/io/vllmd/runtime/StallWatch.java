package io.vllmd.runtime;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Looks after requests that wait, one timer for each as long as it runs. Waiting with a bound instead would set and take
 * back a timer at every token, which wakes a thread of the runtime: it cost twice what handing over the token does.
 */
final class StallWatch {
    private static final ScheduledThreadPoolExecutor TIMER = timer();

    private StallWatch() {}

    /** Runs a check, which must be quick, after this time. */
    static Future<?> after(Duration time, Runnable check) {
        return TIMER.schedule(check, time.toNanos(), TimeUnit.NANOSECONDS);
    }

    private static ScheduledThreadPoolExecutor timer() {
        var timer = new ScheduledThreadPoolExecutor(
                1, work -> Thread.ofPlatform().name("stall-watch").daemon().unstarted(work));
        timer.setRemoveOnCancelPolicy(true);
        return timer;
    }
}
