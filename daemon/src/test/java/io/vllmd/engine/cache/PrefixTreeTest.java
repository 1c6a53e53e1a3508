package io.vllmd.engine.cache;

import static io.vllmd.engine.cache.TreeFixture.ids;
import static io.vllmd.engine.cache.TreeFixture.join;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.engine.MediaSpan;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Names with a row are those of the weaknesses that the design answers: correctness 1 … 19, resources 20 … 40. */
class PrefixTreeTest {
    private final TreeFixture f = new TreeFixture(1000);

    @Test
    void row1_samePageAtAnotherPositionIsNotShared() {
        int[] page = ids(5000, 64);
        f.turn(join(ids(0, 64), page)).publish().end();
        assertEquals(0, f.found(page));
        assertEquals(64, f.found(join(ids(0, 64), ids(9000, 64), page)));
    }

    @Test
    void row1_samePageAfterAnotherPrefixIsNotShared() {
        int[] page = ids(5000, 64);
        f.turn(join(ids(0, 64), page)).publish().end();
        assertEquals(0, f.found(join(ids(100, 64), page)));
        assertEquals(128, f.found(join(ids(0, 64), page)));
    }

    @Test
    void row2_idsThatAgreeInTheirLowByteAreDifferent() {
        f.turn(ids(1, 128)).publish().end();
        assertEquals(0, f.found(ids(1 + 256, 128)));
        int[] oneOff = ids(1, 128);
        oneOff[70] += 256;
        assertEquals(70, f.found(oneOff));
    }

    @Test
    void row8_theOrderOfImagesCounts() {
        int[] prompt = join(ids(1, 10), new int[20], ids(1, 10), new int[20], ids(50, 80));
        List<MediaSpan> ab = List.of(new MediaSpan(10, 20, "a"), new MediaSpan(40, 20, "b"));
        List<MediaSpan> ba = List.of(new MediaSpan(10, 20, "b"), new MediaSpan(40, 20, "a"));
        f.turn("", prompt, ab).publish().end();
        assertEquals(140, f.found("", prompt, ab));
        assertEquals(10, f.found("", prompt, ba));
        assertEquals(10, f.found("", prompt, List.of()));
    }

    @Test
    void row7_anotherImageBehindEqualPlaceholdersIsAnotherPrompt() {
        int[] prompt = join(ids(1, 30), new int[200], ids(50, 40));
        f.turn("", prompt, List.of(new MediaSpan(30, 200, "one"))).publish().end();
        assertEquals(30, f.found("", prompt, List.of(new MediaSpan(30, 200, "other"))));
        assertEquals(270, f.found("", prompt, List.of(new MediaSpan(30, 200, "one"))));
    }

    @Test
    void twoSmallImagesAreNotOneLargeOfTheSameContent() {
        int[] prompt = join(new int[64], ids(1, 10));
        f.turn("", prompt, List.of(new MediaSpan(0, 64, "x"))).publish().end();
        assertEquals(0, f.found("", prompt, List.of(new MediaSpan(0, 32, "x"), new MediaSpan(32, 32, "x"))));
    }

    @Test
    void row10_anExactHitLeavesTheLastTokenToBeComputedOnce() {
        int[] prompt = ids(0, 100);
        f.turn(prompt).publish().end();
        TreeFixture.Turn again = f.turn(prompt);
        assertEquals(99, again.match.tokens());
        assertEquals(1, again.match.fullPages().size());
        assertEquals(35, assertNotNullPartial(again).tokens());
    }

    @Test
    void row34_anIdenticalPromptOfWholePagesIsFoundButForItsLastToken() {
        int[] prompt = ids(0, 128);
        f.turn(prompt).publish().end();
        TreeFixture.Turn again = f.turn(prompt);
        assertEquals(127, again.match.tokens());
        assertEquals(1, again.match.fullPages().size());
        assertEquals(63, assertNotNullPartial(again).tokens());
    }

    private static Match.Partial assertNotNullPartial(TreeFixture.Turn turn) {
        Match.Partial partial = turn.match.partial();
        assertNotNull(partial);
        return partial;
    }

    @Test
    void row21_manyTimesThePoolIsServedWithoutExhaustion() {
        for (int i = 0; i < 1000; i++) {
            while (f.pool.free() < 5) {
                assertTrue(f.tree.evict(1) > 0);
            }
            f.turn(ids(i * 1000, 64 * 5)).publish().end();
        }
        f.tree.clear();
        assertEquals(0, f.pool.used());
        assertEquals(0, f.tree.stats().nodes());
    }

    @Test
    void row35_aSharedPrefixIsHeldOnce() {
        int[] prefix = ids(0, 3072);
        f.turn(prefix).publish().end();
        int one = f.pool.used();
        for (int i = 0; i < 16; i++) {
            f.turn(join(prefix, ids(10_000 + 100 * i, 60)));
        }
        assertEquals(one + 16, f.pool.used());
    }

    @Test
    void everyTurnOfATranscriptFindsAllOfTheTurnBefore() {
        int[] transcript = ids(0, 75);
        for (int i = 1; i < 20; i++) {
            TreeFixture.Turn turn =
                    f.turn(transcript).generate(ids(i * 1000, 37)).publish();
            turn.end();
            int before = transcript.length + 37;
            transcript = join(transcript, ids(i * 1000, 37), ids(i * 1000 + 500, 21));
            assertEquals(before, f.found(transcript));
        }
    }

    @Test
    void aLongerPartialPageTakesThePlaceOfTheShorterOne() {
        TreeFixture.Turn turn = f.turn(ids(0, 10)).publish();
        for (int i = 10; i < 200; i++) {
            turn.generate(i).publish();
        }
        assertEquals(4, f.tree.stats().nodes());
        turn.end();
        assertEquals(4, f.pool.used());
        assertEquals(200, f.found(ids(0, 200)));
    }

    @Test
    void aPartialPageThatAnotherOneBeginsWithAddsNothing() {
        f.turn(ids(0, 64)).publish().end();
        f.turn(ids(0, 20)).publish().end();
        assertEquals(1, f.tree.stats().nodes());
        assertEquals(1, f.pool.used());
    }

    @Test
    void theLongestCommonBeginningIsFoundAmongManySiblings() {
        for (int i = 0; i < 60; i++) {
            int[] prompt = ids(0, 64);
            prompt[i] = 10_000;
            f.turn(prompt).publish().end();
        }
        for (int i = 0; i < 60; i++) {
            int[] prompt = ids(0, 64);
            prompt[i] = 10_000;
            prompt[62] = 20_000;
            assertEquals(62, f.found(prompt));
            prompt[i] = 5_000;
            assertEquals(i, f.found(prompt));
        }
    }

    @Test
    void progressOfAnAbandonedPrefillIsFoundByTheRetry() {
        int[] prompt = ids(0, 1000);
        TreeFixture.Turn first = f.turn(prompt);
        f.tree.publish(first.key, prompt, 700, List.of(first.table), true);
        first.end();
        assertEquals(700, f.found(prompt));
    }

    @Test
    void anEqualPageOfSomebodyElseStaysAndTheCallersRemainsItsOwn() {
        int[] prompt = ids(0, 128);
        TreeFixture.Turn one = f.turn(prompt);
        TreeFixture.Turn two = f.turn(prompt);
        one.publish();
        two.publish();
        assertEquals(List.of(0, 1), f.pages(f.tree.match(one.key, 128)));
        one.end();
        two.end();
        assertEquals(2, f.pool.used());
    }

    @Test
    void scopesNeverShare() {
        int[] prompt = ids(0, 128);
        f.turn("alice", prompt, List.of()).publish().end();
        assertEquals(0, f.found("bob", prompt, List.of()));
        assertEquals(0, f.found("", prompt, List.of()));
        assertEquals(128, f.found("alice", prompt, List.of()));
        f.tree.clear("bob");
        assertEquals(128, f.found("alice", prompt, List.of()));
        f.tree.clear("alice");
        assertEquals(0, f.found("alice", prompt, List.of()));
        assertEquals(0, f.pool.used());
    }

    @Test
    void whatWasLetGoOfLongestAgoIsEvictedFirst() {
        f.turn(ids(0, 128)).publish().end();
        f.turn(ids(1000, 128)).publish().end();
        f.turn(ids(0, 128)).end();
        assertEquals(2, f.tree.evict(2));
        assertEquals(128, f.found(ids(0, 128)));
        assertEquals(0, f.found(ids(1000, 128)));
    }

    @Test
    void leavesAreEvictedBeforeWhatTheyFollow() {
        f.turn(ids(0, 256)).publish().end();
        assertEquals(1, f.tree.evict(1));
        assertEquals(192, f.found(ids(0, 256)));
        assertEquals(1, f.tree.evict(1));
        assertEquals(128, f.found(ids(0, 256)));
    }

    @Test
    void whatSomebodyHoldsIsNotEvicted() {
        TreeFixture.Turn running = f.turn(ids(0, 256)).publish();
        f.turn(join(ids(0, 128), ids(900, 64))).publish().end();
        assertEquals(1, f.tree.evictable());
        assertEquals(1, f.tree.evict(100));
        assertEquals(256, f.found(ids(0, 256)));
        running.end();
        assertEquals(4, f.tree.evictable());
        assertEquals(4, f.tree.evict(100));
        assertEquals(0, f.pool.used());
    }

    @Test
    void aPageUnderOneThatOnlyTheTreeHoldsKeepsItFromBeingEvicted() {
        int[] prompt = ids(0, 128);
        TreeFixture.Turn one = f.turn(prompt);
        TreeFixture.Turn two = f.turn(join(ids(0, 64), ids(500, 64)));
        one.publish().end();
        two.publish();
        // Two follows the first page of one, of which it has a copy of its own.
        assertEquals(1, f.tree.evictable());
        assertEquals(1, f.tree.evict(100));
        two.end();
        assertEquals(2, f.tree.evict(100));
        assertEquals(0, f.pool.used());
    }

    @Test
    void publishingGoesOnAfterItsPlaceWasForgotten() {
        TreeFixture.Turn turn = f.turn(ids(0, 128)).publish();
        f.tree.clear();
        turn.generate(ids(128, 64)).publish();
        assertEquals(192, f.found(ids(0, 192)));
        turn.end();
        f.tree.clear();
        assertEquals(0, f.pool.used());
    }

    @Test
    void nothingBehindAPageThatWasGivenBackIsPublished() {
        TreeFixture.Turn turn = f.turn(ids(0, 256));
        turn.table.drop(1, f.pool);
        turn.publish();
        assertEquals(64, f.found(ids(0, 256)));
    }

    @Test
    void equalPromptsThatArriveTogetherWaitForTheFirst() {
        int[] prompt = ids(0, 200);
        PrefixKey one = f.tree.key("", prompt, List.of());
        PrefixKey two = f.tree.key("", prompt, List.of());
        PrefixKey other = f.tree.key("", join(ids(0, 128), ids(900, 72)), List.of());
        assertTrue(f.tree.claim(one, 0, "one"));
        assertTrue(f.tree.claim(one, 0, "one"));
        assertFalse(f.tree.claim(two, 0, "two"));
        assertFalse(f.tree.claim(two, 2, "two"));
        assertFalse(f.tree.claim(two, 3, "two"));
        assertFalse(f.tree.claim(other, 1, "other"));
        assertTrue(f.tree.claim(other, 2, "other"));
        assertTrue(f.tree.claim(f.tree.key("scope", prompt, List.of()), 0, "scoped"));
        f.tree.unclaim("one");
        assertTrue(f.tree.claim(two, 0, "two"));
    }

    @Test
    void peekingTellsWhatFullPagesThereAreAndHoldsNothing() {
        int[] prompt = ids(0, 1000);
        PrefixKey key = f.tree.key("", prompt, List.of());
        assertEquals(0, f.tree.peek(key, 999));
        TreeFixture.Turn turn = f.turn(prompt);
        f.tree.publish(turn.key, prompt, 300, List.of(turn.table), true);
        assertEquals(256, f.tree.peek(key, 999));
        turn.publish().end();
        assertEquals(960, f.tree.peek(key, 999));
        assertEquals(128, f.tree.peek(key, 130));
        assertEquals(16, f.tree.evict(16));
        assertEquals(0, f.tree.peek(key, 999));
    }

    @Test
    void aRequestCountsOnceHoweverOftenItLooks() {
        f.turn(ids(0, 128)).publish().end();
        PrefixKey key = f.tree.key("", ids(0, 200), List.of());
        f.tree.match(key, 199);
        f.tree.match(key, 199);
        PrefixStats stats = f.tree.stats();
        assertEquals(2, stats.lookups());
        assertEquals(1, stats.hits());
        assertEquals(127 + 199, stats.tokensLookedUp());
        assertEquals(128, stats.tokensFound());
    }

    @Test
    void aLookupInAnEmptyTreeFindsNothing() {
        Match match = f.tree.match(f.tree.key("", ids(0, 100), List.of()), 99);
        assertEquals(0, match.tokens());
        assertNull(match.partial());
        assertEquals(0, f.tree.evict(10));
    }

    @Test
    void mediaThatOverlapOrExceedThePromptAreAFault() {
        List<MediaSpan> overlapping = List.of(new MediaSpan(0, 10, "a"), new MediaSpan(9, 10, "b"));
        assertThrows(IllegalArgumentException.class, () -> f.tree.key("", ids(0, 50), overlapping));
        List<MediaSpan> beyond = List.of(new MediaSpan(45, 10, "a"));
        assertThrows(IllegalArgumentException.class, () -> f.tree.key("", ids(0, 50), beyond));
    }
}
