package io.vllmd.http;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.vllmd.config.Problem;

/** What a connection read: a request to answer, or one that was refused while it was read. */
sealed interface Incoming {

    HttpRequest head();

    default HttpHeaders headers() {
        return head().headers();
    }

    /** Bytes of its body. */
    int size();

    /** A complete request. */
    record Complete(HttpRequest head, byte[] body) implements Incoming {
        @Override
        public int size() {
            return body.length;
        }
    }

    /** A request of which no more is read: it gets this answer, then the connection closes. */
    record Refused(HttpRequest head, int status, Problem problem) implements Incoming {
        @Override
        public int size() {
            return 0;
        }
    }
}
