package io.vllmd.ctl;

/** How a command ends. The errors of the daemon bring their own, see ErrorCode of the protocol. */
final class ExitCode {
    static final int OK = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int NOT_RUNNING = 3;
    static final int NOT_FOUND = 4;
    static final int REFUSED = 5;
    static final int TIMED_OUT = 6;
    static final int DEGRADED = 7;
    static final int LIMIT_BROKEN = 8;

    private ExitCode() {}
}
