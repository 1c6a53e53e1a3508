package io.vllmd.runtime;

import io.vllmd.chat.output.OutputEvent;
import java.util.Optional;

/** An answer while it is made. {@link #next} belongs to one virtual thread, {@link #cancel} to any. */
public interface Answer {

    /**
     * The next piece, waiting for it; empty once the answer is complete.
     *
     * @throws io.vllmd.config.ProblemException where the engine failed on this request, UNAVAILABLE where it stalled
     */
    Optional<OutputEvent> next() throws InterruptedException;

    /** Stops making it within one step; {@link #next} then ends. */
    void cancel();

    /** Why it ended; valid once {@link #next} was empty. */
    Stop stop();

    /** What a guide ended it for, where one did; valid once {@link #next} was empty. */
    Optional<GuideStop> guideStop();

    int promptTokens();

    /** How many of the prompt's tokens were not computed anew; 0 until it was admitted. */
    int cachedTokens();

    /** Tokens made so far, a stop token included as in OpenAI's usage. */
    int completionTokens();

    /** How many of these were inside reasoning blocks. */
    int reasoningTokens();

    enum Stop {
        /** A stop token, a stop string, or a guide. */
        STOP,
        LENGTH,
        CANCELLED
    }

    /**
     * Why a guide ended an answer.
     *
     * @param reason such as repetition_detected
     * @param detail what it saw, such as single_token_run, or ""
     */
    record GuideStop(String reason, String detail) {

        /** A guide's own word, {@code reason: detail} or the reason alone. */
        static GuideStop of(String word) {
            int colon = word.indexOf(':');
            return colon < 0
                    ? new GuideStop(word, "")
                    : new GuideStop(
                            word.substring(0, colon).strip(),
                            word.substring(colon + 1).strip());
        }
    }
}
