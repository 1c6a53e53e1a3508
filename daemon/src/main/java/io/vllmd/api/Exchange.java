package io.vllmd.api;

import java.util.Map;

/**
 * One request and the way to answer it, whatever carries it. Used by one virtual thread; a write blocks
 * while the client reads slowly and throws {@link ClientGoneException} once it is gone.
 */
public interface Exchange {

    /** The id of this request: the client's X-Request-Id where it sent a sound one, else ours. */
    String id();

    String method();

    /** The path without the query, such as /v1/models. */
    String path();

    /** The query string without the question mark, or "". */
    String query();

    /** A header's value by its name in any case, or "". */
    String header(String name);

    byte[] body();

    /** Answers whole. */
    void respond(int status, Map<String, String> headers, byte[] body);

    /** Starts an answer of server-sent events with status 200. */
    EventStream stream(Map<String, String> headers);

    /** Runs once, on any thread, when the client goes away before the answer is complete. */
    void onDisconnect(Runnable action);

    /** A stream of server-sent events. */
    interface EventStream extends AutoCloseable {
        /** Sends one event with this data; the event name is left out where it is "". */
        void send(String event, byte[] data);

        /** Sends a comment line, which keeps idle connections open. */
        void comment(String text);

        /** Ends the answer. */
        @Override
        void close();
    }

    /** The client closed the connection. */
    final class ClientGoneException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public ClientGoneException(String message) {
            super(message, null, false, false);
        }
    }
}
