package io.vllmd.ctl.bench;

/** The benchmark as a whole took longer than it was allowed to. */
public final class OutOfTimeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    OutOfTimeException() {
        super("the benchmark took longer than it was allowed to");
    }
}
