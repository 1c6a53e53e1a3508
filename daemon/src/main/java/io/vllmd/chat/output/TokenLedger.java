package io.vllmd.chat.output;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which tokens the text came from that was read and not given out yet. Text leaves the pipeline in the order in which it
 * came in, be it to the client or, like tags and newlines around them, to nowhere; so counting its characters is enough.
 */
final class TokenLedger {
    private final ArrayDeque<Part> parts = new ArrayDeque<>();

    /** Tokens whose bytes do not make a character yet. */
    private List<ScoredToken> incomplete = new ArrayList<>();

    private static final class Part {
        List<ScoredToken> tokens;
        int characters;

        Part(List<ScoredToken> tokens, int characters) {
            this.tokens = tokens;
            this.characters = characters;
        }
    }

    /** A token that may contribute to the characters that come next. */
    void token(ScoredToken token) {
        incomplete.add(token);
    }

    /** So many characters became complete with the tokens since the last call. */
    void complete(int characters) {
        if (characters > 0) {
            parts.add(new Part(incomplete, characters));
            incomplete = new ArrayList<>();
        }
    }

    /** The next so many characters go nowhere. */
    void drop(int characters) {
        pass(characters, null);
    }

    /** The next so many characters go out; gives the tokens of whose text these are the first to do so. */
    List<ScoredToken> give(int characters) {
        List<ScoredToken> begun = new ArrayList<>();
        pass(characters, begun);
        return List.copyOf(begun);
    }

    private void pass(int characters, @Nullable List<ScoredToken> begun) {
        int left = characters;
        while (left > 0) {
            Part part = parts.element();
            int some = Math.min(left, part.characters);
            if (begun != null) {
                begun.addAll(part.tokens);
                part.tokens = List.of();
            }
            part.characters -= some;
            left -= some;
            if (part.characters == 0) {
                parts.remove();
            }
        }
    }
}
