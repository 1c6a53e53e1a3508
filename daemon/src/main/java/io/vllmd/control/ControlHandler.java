package io.vllmd.control;

import java.util.Map;

/** Does what is asked over the control socket. Called on the thread of the connection, from many at once. */
public interface ControlHandler {

    /**
     * Answers one call.
     *
     * @param method one of {@link io.vllmd.control.protocol.Methods#ALL}
     * @param progress tells the caller how far it is; goes on quietly when the caller has left
     * @param peer who asks
     * @throws io.vllmd.config.ProblemException to be answered as the error of its kind
     * @throws InterruptedException while the server is closed
     */
    Map<String, Object> handle(String method, Map<String, Object> params, Progress progress, Peer peer)
            throws InterruptedException;

    /** Tells a caller how far its call is. */
    interface Progress {
        /** Sends a notification; may be called on any thread while the call runs. */
        void report(String method, Map<String, Object> params);
    }
}
