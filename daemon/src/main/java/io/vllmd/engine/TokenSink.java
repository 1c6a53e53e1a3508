package io.vllmd.engine;

import io.vllmd.config.Problem;

/** Takes one request's tokens. Called on the MLX thread: must not block and must not throw. */
public interface TokenSink {

    /** The request was admitted and its prompt is being read. */
    void started();

    /** The next token of the answer. */
    void token(int id);

    /** The last call for an answer that ended. */
    void finished(Finish finish);

    /** The last call for an answer that could not be made; other requests are not affected. */
    void failed(Problem problem);

    /** Why an answer ended. */
    enum Finish {
        /** A stop token came. */
        STOP,
        /** maxTokens or the context was reached. */
        LENGTH,
        /** Somebody cancelled it. */
        CANCELLED
    }
}
