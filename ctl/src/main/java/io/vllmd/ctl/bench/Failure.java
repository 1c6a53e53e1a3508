package io.vllmd.ctl.bench;

/**
 * Why a request brought no whole answer.
 *
 * @param detail what there is to know of it, for a person
 */
record Failure(Kind kind, String detail) {
    enum Kind {
        /** Nobody listens, or the connection could not be made. */
        UNREACHABLE,
        /** An answer with another status than 200. */
        REFUSED,
        /** An error in the middle of the stream. */
        ERROR,
        /** The connection ended before the answer did. */
        BROKEN,
        /** Nothing came for longer than was allowed. */
        TIMED_OUT,
        /** A whole answer without a single token of text. */
        EMPTY
    }
}
