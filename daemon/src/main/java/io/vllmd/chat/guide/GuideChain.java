package io.vllmd.chat.guide;

import io.vllmd.engine.Guidance;
import io.vllmd.engine.TokenGuide;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Several guides of one answer, those that matter most first. The first that ends the answer ends it; else the first
 * that forces tokens forces them; else a token must be allowed by all. Where no token is, the earlier guides' wish
 * stands: a later one that leaves nothing of it is passed over.
 */
public final class GuideChain implements TokenGuide {
    private final List<TokenGuide> guides;

    private GuideChain(List<TokenGuide> guides) {
        this.guides = guides;
    }

    /** Null for none, one as it is. */
    public static @Nullable TokenGuide of(List<TokenGuide> guides) {
        return switch (guides.size()) {
            case 0 -> null;
            case 1 -> guides.getFirst();
            default -> new GuideChain(List.copyOf(guides));
        };
    }

    @Override
    public Guidance next() {
        Guidance result = Guidance.FREE;
        // All are asked, also after one has spoken: each is to be asked before every token.
        for (TokenGuide guide : guides) {
            result = both(result, guide.next());
        }
        return result;
    }

    private static Guidance both(Guidance first, Guidance second) {
        if (first instanceof Guidance.End || second instanceof Guidance.Free) {
            return first;
        }
        if (second instanceof Guidance.End || first instanceof Guidance.Free) {
            return second;
        }
        if (first instanceof Guidance.Allowed one && second instanceof Guidance.Allowed other) {
            return intersection(one, other);
        }
        return first instanceof Guidance.Forced ? first : second;
    }

    private static Guidance.Allowed intersection(Guidance.Allowed first, Guidance.Allowed second) {
        int[] words = first.mask().clone();
        int any = 0;
        for (int i = 0; i < words.length; i++) {
            words[i] &= i < second.mask().length ? second.mask()[i] : 0;
            any |= words[i];
        }
        return any == 0 ? first : new Guidance.Allowed(words);
    }

    @Override
    public void accept(int token) {
        for (TokenGuide guide : guides) {
            guide.accept(token);
        }
    }

    @Override
    public void rollback(int tokens) {
        for (TokenGuide guide : guides) {
            guide.rollback(tokens);
        }
    }

    @Override
    public boolean steers() {
        return guides.stream().anyMatch(TokenGuide::steers);
    }
}
