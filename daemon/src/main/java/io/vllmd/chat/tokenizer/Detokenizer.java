package io.vllmd.chat.tokenizer;

/**
 * Token ids to text, one id at a time. What {@link #push} and {@link #finish} return, put together, is
 * {@link Tokenizer#decode} of all ids. Belongs to one thread.
 */
public final class Detokenizer {
    private final Tokenizer tokenizer;
    private final boolean keepSpecial;
    private final Utf8Decoder decoder = new Utf8Decoder();
    private final StringBuilder text = new StringBuilder();

    Detokenizer(Tokenizer tokenizer, boolean keepSpecial) {
        this.tokenizer = tokenizer;
        this.keepSpecial = keepSpecial;
    }

    /**
     * The text that became complete with this token: "" for a special token, an id without a token, or one that ends
     * inside a character, whose bytes are held back.
     */
    public String push(int id) {
        text.setLength(0);
        append(id, text);
        return text.toString();
    }

    /** What is left: U+FFFD where the last character never became complete, else "". Ready for new tokens then. */
    public String finish() {
        text.setLength(0);
        decoder.finish(text);
        return text.toString();
    }

    void append(int id, StringBuilder out) {
        if (keepSpecial || !tokenizer.isSpecial(id)) {
            decoder.decode(tokenizer.sharedBytes(id), out);
        }
    }

    void finish(StringBuilder out) {
        decoder.finish(out);
    }
}
