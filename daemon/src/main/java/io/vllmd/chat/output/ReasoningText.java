package io.vllmd.chat.output;

/** The text of reasoning blocks without the newlines at their ends. */
final class ReasoningText {
    private final StringBuilder certain = new StringBuilder();
    private boolean skipNewlines = true;
    /** Newlines that are left out where the block ends now. */
    private int heldNewlines;

    void start() {
        skipNewlines = true;
    }

    void append(String text) {
        int from = 0;
        while (skipNewlines && from < text.length()) {
            if (text.charAt(from) == '\n') {
                from++;
            } else {
                skipNewlines = false;
            }
        }
        int to = text.length();
        while (to > from && text.charAt(to - 1) == '\n') {
            to--;
        }
        if (to > from) {
            certain.repeat('\n', heldNewlines).append(text, from, to);
            heldNewlines = 0;
        }
        heldNewlines += text.length() - to;
    }

    /** The block ended with its tag. */
    void endClosed() {
        heldNewlines = 0;
    }

    /** The answer ended inside the block, so nobody knows whether more was to come. */
    void endOpen() {
        certain.repeat('\n', heldNewlines);
        heldNewlines = 0;
    }

    String take() {
        String text = certain.toString();
        certain.setLength(0);
        return text;
    }
}
