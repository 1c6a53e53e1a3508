package io.vllmd.api;

import java.util.Map;

/**
 * One thing that an API answers.
 *
 * @param method such as GET; a GET also answers HEAD
 * @param template path segments, such as /v1/models/{id}; a last {id...} takes all that is left, slashes included
 * @param handler answers it
 */
public record Route(String method, String template, Handler handler) {

    /** Answers one request, on its own virtual thread. */
    @FunctionalInterface
    public interface Handler {
        /**
         * Answers it, whole or as a stream.
         *
         * @param parameters the template's variables, percent-decoded
         * @throws io.vllmd.config.ProblemException before the answer was begun: the carrier answers it in the API's
         *     {@link ErrorShape}
         */
        void handle(Exchange exchange, Map<String, String> parameters) throws InterruptedException;
    }
}
