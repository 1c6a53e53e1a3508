package io.vllmd.runtime;

import io.vllmd.chat.output.OutputEvent;
import java.util.Optional;

/** An answer while it is made. {@link #next} belongs to one virtual thread, {@link #cancel} to any. */
public interface Answer {

    /**
     * The next piece, waiting for it; empty once the answer is complete.
     *
     * @throws io.vllmd.config.ProblemException where the engine failed on this request
     */
    Optional<OutputEvent> next() throws InterruptedException;

    /** Stops making it within one step; {@link #next} then ends. */
    void cancel();

    /** Why it ended; valid once {@link #next} was empty. */
    Stop stop();

    int promptTokens();

    /** Tokens made so far, a stop token included as in OpenAI's usage. */
    int completionTokens();

    /** How many of these were inside reasoning blocks. */
    int reasoningTokens();

    enum Stop {
        /** A stop token, or a stop string. */
        STOP,
        LENGTH,
        CANCELLED
    }
}
