package io.vllmd.control;

/** The process at the other end of a connection, as the kernel tells it. */
public record Peer(long uid, long pid) {

    /** Whether it may steer a daemon of this user: the same user or root. */
    boolean maySteer(long owner) {
        return uid == owner || uid == 0;
    }
}
