package io.vllmd.chat.template;

/** What is left of the {@link Limits} of one rendering. */
final class Budget {
    private final Limits limits;
    private long steps;
    private long chars;
    private int depth;

    Budget(Limits limits) {
        this.limits = limits;
        this.steps = limits.steps();
        this.chars = limits.workingChars();
    }

    void step() {
        steps(1);
    }

    void steps(long count) {
        steps -= count;
        if (steps < 0) {
            throw TemplateException.limit("the template takes more than " + limits.steps() + " steps");
        }
    }

    /** Pays for a string before it is made, so that what would not fit never takes memory. */
    void text(long length) {
        if (length > limits.outputChars()) {
            throw TemplateException.limit(
                    "the template makes a text of more than " + limits.outputChars() + " characters");
        }
        chars -= length;
        if (chars < 0) {
            throw TemplateException.limit(
                    "the template makes more than " + limits.workingChars() + " characters in all");
        }
    }

    /** Pays for text that is added to what is written already. */
    void write(long before, long added) {
        text(added);
        if (before + added > limits.outputChars()) {
            text(before + added);
        }
    }

    /** Pays for a list before it is made; an element weighs as much as eight characters. */
    void elements(long count) {
        text(count * 8);
        steps(count);
    }

    void enter() {
        if (++depth > limits.nesting()) {
            depth--;
            throw TemplateException.limit("the template calls itself more than " + limits.nesting() + " deep");
        }
    }

    void leave() {
        depth--;
    }

    int nesting() {
        return limits.nesting();
    }
}
