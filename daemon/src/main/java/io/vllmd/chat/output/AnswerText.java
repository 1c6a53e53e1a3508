package io.vllmd.chat.output;

import java.util.List;

/** The visible text of an answer, up to a stop string. */
final class AnswerText {
    private final TextSearch stops;
    private final StringBuilder certain = new StringBuilder();
    private boolean skipNewlines;
    private boolean stopped;

    AnswerText(List<String> stop) {
        stops = new TextSearch(
                stop.stream().filter(s -> !s.isEmpty()).distinct().toList());
    }

    void startAfterReasoning() {
        skipNewlines = true;
    }

    /** Gives how many characters at the start of this text are left out. */
    int append(String text) {
        int from = 0;
        while (skipNewlines && from < text.length()) {
            if (text.charAt(from) == '\n') {
                from++;
            } else {
                skipNewlines = false;
            }
        }
        if (!stopped) {
            stopped = stops.read(text, from, certain) >= 0;
        }
        return from;
    }

    /** What is held back can no longer become a stop string. */
    void end() {
        if (!stopped) {
            stops.release(certain);
        }
        skipNewlines = false;
    }

    boolean stopped() {
        return stopped;
    }

    String take() {
        String text = certain.toString();
        certain.setLength(0);
        return text;
    }
}
