package io.vllmd.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * What a guide says of the next token, and of those after guesses that it has taken for granted.
 *
 * @param guesses tokens that the guide has accepted though nobody knows yet whether they come
 * @param next what may come after the known tokens, and after each guess
 */
record Outlook(List<Integer> guesses, List<Guidance> next) {

    static Outlook of(Guidance next) {
        return new Outlook(List.of(), List.of(next));
    }

    /** Rows whose tokens can be sampled: behind a guess that is forbidden, or forced, or an end, nothing can. */
    int rows() {
        return next.size() - (samples(next.getLast()) ? 0 : 1);
    }

    private static boolean samples(Guidance guidance) {
        return guidance instanceof Guidance.Free || guidance instanceof Guidance.Allowed;
    }

    /** The outlook farther ahead, as far as the guide lets the guesses come. On a thread of the guide. */
    Outlook ahead(TokenGuide guide, int[] drafts) {
        List<Integer> taken = new ArrayList<>(guesses);
        List<Guidance> all = new ArrayList<>(next);
        for (int draft : drafts) {
            if (!allows(all.getLast(), draft)) {
                break;
            }
            guide.accept(draft);
            taken.add(draft);
            all.add(guide.next());
        }
        return new Outlook(taken, all);
    }

    private static boolean allows(Guidance guidance, int token) {
        return switch (guidance) {
            case Guidance.Free free -> true;
            case Guidance.Allowed allowed -> (allowed.mask()[token / Integer.SIZE] >>> token % Integer.SIZE & 1) != 0;
            case Guidance.Forced forced -> false;
            case Guidance.End end -> false;
        };
    }

    /** The outlook after tokens that did come; guesses that did not are taken back. On a thread of the guide. */
    Outlook after(TokenGuide guide, int[] tokens) {
        int right = 0;
        while (right < guesses.size() && right < tokens.length && guesses.get(right) == tokens[right]) {
            right++;
        }
        if (right < guesses.size()) {
            guide.rollback(guesses.size() - right);
        }
        for (int i = right; i < tokens.length; i++) {
            guide.accept(tokens[i]);
        }
        return of(guide.next());
    }
}
