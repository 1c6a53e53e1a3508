package io.vllmd.api;

import io.vllmd.config.Problem;

/** How a wire format writes a failure. */
@FunctionalInterface
public interface ErrorShape {

    /**
     * The JSON body of a failure.
     *
     * @param status the HTTP status it goes out with
     */
    byte[] body(int status, Problem problem);

    /** The HTTP status of each kind of failure. */
    static int status(Problem.Kind kind) {
        return switch (kind) {
            case INVALID, UNSUPPORTED -> 400;
            case NOT_FOUND -> 404;
            case CONFLICT -> 409;
            case TOO_LARGE -> 413;
            case BUSY -> 429;
            case INTERNAL -> 500;
            case UNAVAILABLE -> 503;
        };
    }
}
