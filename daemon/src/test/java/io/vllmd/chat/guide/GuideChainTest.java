package io.vllmd.chat.guide;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.engine.Guidance;
import io.vllmd.engine.TokenGuide;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class GuideChainTest {

    /** Says always the same, and writes down what it is told. */
    private static final class Says implements TokenGuide {
        private final Guidance guidance;
        private final boolean steers;
        final List<String> told = new ArrayList<>();

        Says(Guidance guidance, boolean steers) {
            this.guidance = guidance;
            this.steers = steers;
        }

        @Override
        public Guidance next() {
            told.add("next");
            return guidance;
        }

        @Override
        public void accept(int token) {
            told.add("accept " + token);
        }

        @Override
        public void rollback(int tokens) {
            told.add("rollback " + tokens);
        }

        @Override
        public boolean steers() {
            return steers;
        }
    }

    private static Guidance allowed(int... words) {
        return new Guidance.Allowed(words);
    }

    private static Guidance together(Guidance... guidance) {
        List<TokenGuide> guides = new ArrayList<>();
        for (Guidance each : guidance) {
            guides.add(new Says(each, true));
        }
        return Objects.requireNonNull(GuideChain.of(guides)).next();
    }

    @Test
    void aTokenMustBeAllowedByAll() {
        Guidance both = together(Guidance.FREE, allowed(0b1110, 3), Guidance.FREE, allowed(0b0111, 1));
        assertArrayEquals(
                new int[] {0b0110, 1},
                assertInstanceOf(Guidance.Allowed.class, both).mask());
        assertSame(Guidance.FREE, together(Guidance.FREE, Guidance.FREE));
    }

    @Test
    void whatTheEarlierGuideAllowsStandsWhereNothingSuitsAll() {
        Guidance first = allowed(0b1100);
        assertSame(first, together(first, allowed(0b0011)));
        Guidance three = together(first, allowed(0b0011), allowed(0b0100));
        assertArrayEquals(
                new int[] {0b0100},
                assertInstanceOf(Guidance.Allowed.class, three).mask());
    }

    @Test
    void forcedTokensGoBeforeMasksAndTheEndBeforeAll() {
        Guidance forced = new Guidance.Forced(new int[] {1});
        Guidance end = new Guidance.End("first");
        assertSame(forced, together(allowed(4), forced, allowed(8), new Guidance.Forced(new int[] {2})));
        assertSame(end, together(allowed(4), forced, end, new Guidance.End("second"), allowed(1)));
    }

    @Test
    void allGuidesHearEverything() {
        Says ends = new Says(new Guidance.End("over"), false);
        Says free = new Says(Guidance.FREE, false);
        TokenGuide chain = Objects.requireNonNull(GuideChain.of(List.of(ends, free)));
        chain.next();
        chain.accept(7);
        chain.rollback(1);
        assertEquals(List.of("next", "accept 7", "rollback 1"), ends.told);
        assertEquals(ends.told, free.told);
    }

    @Test
    void aChainSteersWhereAnyOfItDoes() {
        Says guard = new Says(Guidance.FREE, false);
        Says grammar = new Says(Guidance.FREE, true);
        assertNull(GuideChain.of(List.of()));
        assertSame(guard, GuideChain.of(List.of(guard)));
        assertFalse(Objects.requireNonNull(GuideChain.of(List.of(guard, guard))).steers());
        assertTrue(
                Objects.requireNonNull(GuideChain.of(List.of(guard, grammar))).steers());
    }
}
