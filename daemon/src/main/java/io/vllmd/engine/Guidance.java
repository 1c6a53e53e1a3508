package io.vllmd.engine;

/** What a {@link TokenGuide} says of the next token. */
public sealed interface Guidance {

    /** Any token. */
    record Free() implements Guidance {}

    /**
     * One of these tokens.
     *
     * @param mask bit i % 32 of word i / 32 tells whether token i may come; words for the whole vocabulary, at least one
     *     bit set. Not changed any more.
     */
    record Allowed(int[] mask) implements Guidance {}

    /**
     * These tokens and no others, in this order: they are read like a prompt, not sampled, and handed out as part of the
     * answer.
     *
     * @param tokens at least one
     */
    record Forced(int[] tokens) implements Guidance {}

    /**
     * The answer ends here.
     *
     * @param reason told to the sink with {@link TokenSink.Finish#GUIDE}, such as "repetition_detected"
     */
    record End(String reason) implements Guidance {}

    /** No bound. */
    Guidance FREE = new Free();
}
