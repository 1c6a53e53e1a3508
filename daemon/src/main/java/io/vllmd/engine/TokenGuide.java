package io.vllmd.engine;

/**
 * Says what may come next in one answer: a grammar, a forced tool call, a thinking budget, a guard against repetition.
 * The engine knows nothing of text; this is the one thing that crosses.
 *
 * <p>Calls come one at a time, on any thread but the MLX thread, and while the model works on the next step; a guide may
 * take its time without holding up other requests. It must not throw; one that does ends its own request alone.
 */
public interface TokenGuide {

    /** What may come next after all tokens accepted so far. Asked at least once before every token. */
    Guidance next();

    /** The answer goes on with this token. */
    void accept(int token);

    /** Takes back the newest {@code tokens} accepted ones, which were a guess that did not hold. */
    void rollback(int tokens);

    /**
     * Whether it may ever answer anything but {@link Guidance.Free} and {@link Guidance.End}. One that does not need not
     * be waited for before a token is sampled: tokens made meanwhile are dropped where it ends the answer before them.
     */
    default boolean steers() {
        return true;
    }
}
