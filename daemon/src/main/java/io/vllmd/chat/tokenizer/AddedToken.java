package io.vllmd.chat.tokenizer;

/**
 * A token that is found in the text before anything else is.
 *
 * @param content its name
 * @param text what is looked for and what it decodes to: the content, in normalised form where it is looked for in
 *     normalised text
 * @param special whether it is left out of decoded text
 * @param lstrip whether it takes the white space before it along
 * @param rstrip whether it takes the white space after it along
 * @param singleWord whether it counts only where no word character touches it
 * @param normalized whether it is looked for in the normalised text
 */
record AddedToken(
        int id,
        String content,
        String text,
        boolean special,
        boolean lstrip,
        boolean rstrip,
        boolean singleWord,
        boolean normalized) {

    AddedToken withText(String other) {
        return new AddedToken(id, content, other, special, lstrip, rstrip, singleWord, normalized);
    }
}
