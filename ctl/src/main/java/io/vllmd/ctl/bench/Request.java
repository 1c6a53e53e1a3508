package io.vllmd.ctl.bench;

import java.net.InetSocketAddress;

/**
 * One request that the driver sends.
 *
 * @param bytes as they go over the wire
 */
record Request(InetSocketAddress address, byte[] bytes, Kind kind) {
    enum Kind {
        /** Answered in one piece. */
        WHOLE,
        STREAM,
        /** A stream whose text is wanted. */
        STREAM_TEXT,
        /** A stream that is asked for once all others have begun. */
        LATE_STREAM
    }

    Request(Target target, byte[] bytes, Kind kind) {
        this(target.address(), bytes, kind);
    }
}
