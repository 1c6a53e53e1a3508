package io.vllmd.chat.tokenizer;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Finds added tokens in a text: of those that start first, the longest. */
final class AddedTokens {
    private final List<AddedToken> tokens;
    /** (state, char) to state; state 0 is the start. */
    private final LongMap next;
    /** For each state the index of the token that ends there, or -1. */
    private final int[] ends;
    /** What a token can start with. Most text passes on this look alone. */
    private final BitSet starts = new BitSet();

    /** Takes what lies between tokens, and the tokens, in order. */
    interface Sink {
        void text(int start, int end);

        void token(int id);
    }

    /** Those of the tokens that are looked for in raw, or in normalised text. One without text is never found. */
    AddedTokens(List<AddedToken> all, boolean normalized) {
        tokens = new ArrayList<>();
        for (AddedToken token : all) {
            if (token.normalized() == normalized && !token.text().isEmpty()) {
                tokens.add(token);
            }
        }
        next = new LongMap(16);
        IntList made = new IntList();
        made.add(-1);
        for (int t = 0; t < tokens.size(); t++) {
            String content = tokens.get(t).text();
            starts.set(content.charAt(0));
            int state = 0;
            for (int i = 0; i < content.length(); i++) {
                long key = BytePairMerges.pair(state, content.charAt(i));
                long to = next.get(key);
                if (to == LongMap.ABSENT) {
                    to = made.size();
                    made.add(-1);
                    next.put(key, to);
                }
                state = (int) to;
            }
            made.set(state, t);
        }
        ends = made.toArray();
    }

    /** Cuts the text at its added tokens; special ones are text where they are not to be parsed. */
    void split(String text, boolean parseSpecial, Sink sink) {
        int done = 0;
        int at = 0;
        while (at < text.length()) {
            int found = starts.get(text.charAt(at)) ? longestAt(text, at) : -1;
            if (found < 0) {
                at++;
                continue;
            }
            AddedToken token = tokens.get(found);
            int start = at;
            int end = at + token.text().length();
            at = end;
            boolean passedOver = token.special() && !parseSpecial;
            if (passedOver || (token.singleWord() && !standsAlone(text, start, end))) {
                continue;
            }
            while (token.lstrip() && start > done && Unicode.isWhiteSpace(text.charAt(start - 1))) {
                start--;
            }
            while (token.rstrip() && end < text.length() && Unicode.isWhiteSpace(text.charAt(end))) {
                end++;
            }
            if (start > done) {
                sink.text(done, start);
            }
            sink.token(token.id());
            done = end;
        }
        if (done < text.length()) {
            sink.text(done, text.length());
        }
    }

    private int longestAt(String text, int from) {
        int best = -1;
        int state = 0;
        for (int i = from; i < text.length(); i++) {
            long to = next.get(BytePairMerges.pair(state, text.charAt(i)));
            if (to == LongMap.ABSENT) {
                break;
            }
            state = (int) to;
            if (ends[state] >= 0) {
                best = ends[state];
            }
        }
        return best;
    }

    private static boolean standsAlone(String text, int start, int end) {
        return (start == 0 || !Unicode.isWord(text.codePointBefore(start)))
                && (end == text.length() || !Unicode.isWord(text.codePointAt(end)));
    }
}
