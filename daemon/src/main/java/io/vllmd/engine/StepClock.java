package io.vllmd.engine;

/**
 * Tells how long the device worked on a step, from when steps were submitted and when their results were seen. Steps
 * of all lanes run on one stream, one after another, and results are read in the same order.
 */
final class StepClock {
    /** Reading a result took at least this long: it was not there before, so the moment it came is known. */
    private static final long WAITED_NANOS = 20_000;

    private long lastSeen = Long.MIN_VALUE;
    private boolean lastExact = true;

    /**
     * Takes in a finished step.
     *
     * @param submitted when it was submitted, before its results could be awaited
     * @param now when its result was read
     * @param waited time that the read took
     * @return nanoseconds, or -1 where nobody saw when the step before it ended; too long rather than too short
     */
    long finished(long submitted, long now, long waited) {
        boolean idleBefore = lastSeen == Long.MIN_VALUE || submitted - lastSeen >= 0;
        long start = idleBefore ? submitted : lastSeen;
        boolean known = idleBefore || lastExact;
        lastSeen = now;
        lastExact = waited >= WAITED_NANOS;
        return known ? now - start : -1;
    }
}
