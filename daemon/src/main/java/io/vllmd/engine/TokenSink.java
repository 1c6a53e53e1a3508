package io.vllmd.engine;

import io.vllmd.config.Problem;
import org.jspecify.annotations.Nullable;

/** Takes one request's tokens. Called on the MLX thread: must not block and must not throw. */
public interface TokenSink {

    /**
     * The request was admitted and its prompt is being read.
     *
     * @param cachedTokens prompt tokens that need not be read, since the prefix cache has them
     */
    void started(int cachedTokens);

    /**
     * More of the prompt was read; a sign of life for those who wait.
     *
     * @param promptTokens read or found so far
     */
    default void read(int promptTokens) {}

    /**
     * The request gave up its place to a more urgent one and waits again; progress with its prompt or a token tells when
     * it has one.
     */
    default void preempted() {}

    /**
     * The next token of the answer.
     *
     * @param logprobs null where the request did not ask for them, or the token was forced
     */
    void token(int id, @Nullable TokenLogprobs logprobs);

    /**
     * The last call for an answer that ended.
     *
     * @param detail the guide's reason with {@link Finish#GUIDE}, else null
     */
    void finished(Finish finish, @Nullable String detail);

    /** The last call for an answer that could not be made; other requests are not affected. */
    void failed(Problem problem);

    /** Why an answer ended. */
    enum Finish {
        /** A stop token came. */
        STOP,
        /** maxTokens was reached. */
        LENGTH,
        /** The context is full. */
        CONTEXT,
        /** The request's guide ended it. */
        GUIDE,
        /** Somebody cancelled it. */
        CANCELLED
    }
}
