package io.vllmd.chat.output;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Looks for strings in a text that arrives in pieces (Aho and Corasick's automaton). The match that is complete first
 * is found, of those the longest. Text that could still become part of a match is held back; it is not stored, since
 * it always is the start of one of the strings. Each character is looked at once.
 */
final class TextSearch {
    private final List<String> strings;
    /** (state, char) to state along the strings; state 0 is the start. */
    private final Map<Long, Integer> next = new HashMap<>();

    private final List<State> states = new ArrayList<>();
    private int state;

    /** What is known of a text that ends with the first {@code depth} characters of {@code string}. */
    private static final class State {
        final String string;
        final int depth;
        /** The state of the longest shorter end that starts a string. */
        int fallback;
        /** The length of the longest string that ends here, or 0. */
        int matched;

        State(String string, int depth) {
            this.string = string;
            this.depth = depth;
        }
    }

    TextSearch(List<String> strings) {
        this.strings = strings;
        states.add(new State("", 0));
        int longest = 0;
        for (String string : strings) {
            longest = Math.max(longest, string.length());
        }
        // Level by level, so that the state to fall back to is complete before it is asked.
        int[] at = new int[strings.size()];
        for (int depth = 1; depth <= longest; depth++) {
            int firstOfLevel = states.size();
            for (int s = 0; s < at.length; s++) {
                if (strings.get(s).length() >= depth) {
                    at[s] = extend(at[s], strings.get(s), depth, firstOfLevel);
                }
            }
        }
    }

    private int extend(int from, String string, int depth, int firstOfLevel) {
        char c = string.charAt(depth - 1);
        int to = next.getOrDefault(key(from, c), -1);
        if (to < firstOfLevel) {
            to = states.size();
            State made = new State(string, depth);
            made.fallback = from == 0 ? 0 : step(states.get(from).fallback, c);
            made.matched = states.get(made.fallback).matched;
            states.add(made);
            next.put(key(from, c), to);
        }
        if (string.length() == depth) {
            states.get(to).matched = depth;
        }
        return to;
    }

    private static long key(int state, char c) {
        return (long) state << 16 | c;
    }

    private int step(int from, char c) {
        int at = from;
        while (true) {
            Integer to = next.get(key(at, c));
            if (to != null) {
                return to;
            }
            if (at == 0) {
                return 0;
            }
            at = states.get(at).fallback;
        }
    }

    /**
     * Reads text from an index on, up to its end or the end of a match.
     *
     * @param out takes the text that is before the match or cannot become part of one
     * @return the index after the match, or -1 where there is none; after a match the search starts anew
     */
    int read(String text, int from, StringBuilder out) {
        if (strings.isEmpty()) {
            out.append(text, from, text.length());
            return -1;
        }
        for (int i = from; i < text.length(); i++) {
            State before = states.get(state);
            state = step(state, text.charAt(i));
            State now = states.get(state);
            int released = before.depth + 1 - now.depth;
            if (released > before.depth) {
                out.append(before.string, 0, before.depth).append(text.charAt(i));
            } else {
                out.append(before.string, 0, released);
            }
            if (now.matched > 0) {
                out.append(now.string, 0, now.depth - now.matched);
                state = 0;
                return i + 1;
            }
        }
        return -1;
    }

    /** Gives out what was held back; the search starts anew. */
    void release(StringBuilder out) {
        State held = states.get(state);
        out.append(held.string, 0, held.depth);
        state = 0;
    }
}
