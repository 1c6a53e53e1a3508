package io.vllmd.ctl.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class RoundTest {
    private static final long MS = 1_000_000;

    /** An answer whose texts come every {@code gap} ms from {@code first} on. */
    private static Answer answer(long sent, long first, long gap, int events, int tokens) {
        long[] texts =
                LongStream.range(0, events).map(i -> (first + i * gap) * MS).toArray();
        return new Answer(sent * MS, texts, texts[events - 1] + MS, 100, tokens, 40, "", null);
    }

    private static Answer failed() {
        return new Answer(0, new long[0], 5000 * MS, -1, -1, -1, "", new Failure(Failure.Kind.BROKEN, "cut"));
    }

    @Test
    void aRateIsTokensOverTheTimeOfAllOfThem() {
        var round = new Round(List.of(answer(0, 100, 10, 50, 50), answer(0, 200, 10, 50, 50)), null);
        assertEquals(100 / 0.691, round.tokensPerSecond(), 1e-6);
    }

    @Test
    void decodingIsMeasuredWhileAllDecode() {
        var round = new Round(List.of(answer(0, 0, 10, 101, 101), answer(0, 500, 10, 101, 101)), null);
        assertEquals(200, round.decodeTokensPerSecond(), 1e-6);
        var twoTokensAnEvent = new Round(List.of(answer(0, 0, 10, 101, 202)), null);
        assertEquals(200, twoTokensAnEvent.decodeTokensPerSecond(), 1e-6);
        var apart = new Round(List.of(answer(0, 0, 1, 10, 10), answer(0, 500, 1, 10, 10)), null);
        assertTrue(Double.isNaN(apart.decodeTokensPerSecond()));
    }

    @Test
    void readingCountsWhatWasNotCached() {
        var round = new Round(List.of(answer(0, 100, 1, 2, 2), answer(0, 240, 1, 2, 2)), null);
        assertEquals(120 / 0.24, round.prefillTokensPerSecond(), 1e-6);
    }

    @Test
    void failedRequestsAreCountedAndNotMeasured() {
        var round = new Round(List.of(answer(0, 10, 10, 10, 10), failed(), failed()), null);
        Measured measured = Measured.of(List.of(round));
        assertEquals(2, measured.failed());
        assertEquals(3, measured.requests());
        assertEquals(1, measured.firstMillis().count());
        assertEquals(List.of("cut"), measured.details());
        assertEquals(10 / 5.0, round.tokensPerSecond(), 1e-9, "their time counts: the answers were waited for");
    }

    @Test
    void gapsBeforeAndDuringALatePromptAreToldApart() {
        long[] texts = {0, 10 * MS, 20 * MS, 110 * MS, 120 * MS, 320 * MS};
        var stream = new Answer(0, texts, 400 * MS, 1, 6, 0, "", null);
        var late = new Answer(25 * MS, new long[] {115 * MS}, 116 * MS, 1, 1, 0, "", null);
        var round = new Round(List.of(stream), late);
        assertEquals(90, round.gapBefore(), "a gap that was open when it joined counts for both");
        assertEquals(90, round.gapMeanwhile());
        assertTrue(round.coversAdmission());
        var early = new Answer(0, new long[] {0, 30 * MS}, 40 * MS, 1, 2, 0, "", null);
        assertFalse(new Round(List.of(stream, early), late).coversAdmission());
    }

    @Test
    void percentilesLieBetweenTheValuesNearest() {
        Spread spread = Spread.of(new double[] {4, 1, 3, 2});
        assertEquals(2.5, spread.p50());
        assertEquals(3.85, spread.p95(), 1e-9);
        assertEquals(1, spread.least());
        assertEquals(4, spread.most());
        assertTrue(Spread.of(new double[0]).isEmpty());
    }

    @Test
    void ratiosCompareRoundsOfOneTurn() {
        var fast = new Round(List.of(answer(0, 10, 1, 91, 91)), null);
        var slow = new Round(List.of(answer(0, 10, 10, 91, 91)), null);
        Ratio ratio = Ratio.of(List.of(fast, fast, slow), List.of(slow, slow, slow));
        assertEquals(911 / 101.0, ratio.tokensPerSecond(), 1e-6);
        assertEquals(1, ratio.least(), 1e-9);
        assertEquals(1, ratio.first(), 1e-9);
    }

    @Test
    void aLimitIsBrokenByWhatExceedsItAndByWhatIsMissing() {
        Measured measured = Measured.of(List.of(new Round(List.of(answer(0, 100, 10, 10, 10), failed()), null)));
        assertEquals(List.of(), new Limits(101.0, 10.0, 10.0, 200.0, 1, null).broken(measured, null));
        assertEquals(
                5,
                new Limits(99.0, 9.0, 9.0, 100.0, 0, null)
                        .broken(measured, null)
                        .size());
        Measured none = Measured.of(List.of(new Round(List.of(failed()), null)));
        assertEquals(
                1,
                new Limits(99.0, null, null, null, null, null)
                        .broken(none, null)
                        .size());
        Ratio ratio = new Ratio(1.5, 1, 2, 1, 1, 1);
        assertEquals(List.of(), new Limits(null, null, null, null, null, 1.5).broken(measured, ratio));
        assertEquals(
                1,
                new Limits(null, null, null, null, null, 1.6)
                        .broken(measured, ratio)
                        .size());
    }

    @Test
    void capacityEndsBelowTheFewestStreamsThatBreakALimit() {
        Measured measured = Measured.of(List.of(new Round(List.of(answer(0, 100, 10, 10, 10)), null)));
        List<CellResult> results = new ArrayList<>();
        for (int streams : new int[] {8, 1, 4, 2}) {
            for (CacheUse use : new CacheUse[] {CacheUse.COLD, CacheUse.WARM}) {
                List<String> broken = use == CacheUse.COLD && streams == 4 ? List.of("too slow") : List.of();
                results.add(new CellResult(new Cell(256, 16, use, streams), measured, null, null, "", broken));
            }
        }
        assertEquals(
                List.of(new Capacity(256, 16, CacheUse.COLD, 2), new Capacity(256, 16, CacheUse.WARM, 8)),
                Capacity.of(results));
    }
}
