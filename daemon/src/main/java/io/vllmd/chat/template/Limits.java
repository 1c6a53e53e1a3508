package io.vllmd.chat.template;

/**
 * Bounds on one template. They count work, not time, so the same template always fails at the same place.
 *
 * @param sourceChars longest template text
 * @param nesting deepest nesting of expressions and tags in the text, of calls while rendering, and of the variables
 * @param steps most statements, expressions and items that one rendering may touch
 * @param outputChars longest text that a rendering, or any string in it, may have
 * @param workingChars most characters that a rendering may make in all, kept or not
 */
record Limits(int sourceChars, int nesting, long steps, int outputChars, long workingChars) {

    /** Roomy for every published template at a million tokens of prompt; a hostile one ends within about a second. */
    static final Limits STANDARD = new Limits(1 << 20, 200, 50_000_000L, 1 << 25, 1L << 29);
}
