package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What was computed for one prompt serves others, and changes none of their tokens. */
class PrefixReuseTest {
    private EngineFixture fixture;
    private HookedModel model;
    private Lane lane;

    @BeforeEach
    void attach() {
        fixture = new EngineFixture(EngineFixture.limits(16, 64, 64));
        model = fixture.model(3);
        lane = fixture.engine.attach(model, "tiny");
    }

    @AfterEach
    void close() {
        fixture.close();
    }

    private Recorder submit(GenerationRequest request) {
        Recorder recorder = new Recorder();
        lane.submit(request, recorder);
        return recorder;
    }

    /** Runs a request alone in the lane; the rows that it cost. */
    private int rowsOf(GenerationRequest request, List<Integer> expected) {
        fixture.settle();
        int before = model.rows.get();
        Recorder recorder = submit(request);
        recorder.await();
        assertEquals(expected, recorder.tokens);
        fixture.settle();
        return model.rows.get() - before;
    }

    private List<Integer> alone(GenerationRequest request) {
        return fixture.alone(model, request);
    }

    @Test
    void anExactHitReadsOneToken() {
        for (int length : new int[] {2, 63, 64, 65, 128, 300}) {
            GenerationRequest request = EngineFixture.greedy("exact" + length, length, 1);
            List<Integer> alone = alone(request);
            assertEquals(length, rowsOf(request, alone));
            assertEquals(1, rowsOf(request, alone), length + " tokens again");
        }
    }

    @Test
    void theNextTurnReadsWhatIsNew() {
        GenerationRequest first = EngineFixture.greedy("turn", 500, 40);
        List<Integer> answer = alone(first);
        Recorder recorder = submit(first);
        recorder.await();
        int[] next = Arrays.copyOf(first.prompt(), 560);
        for (int i = 0; i < 40; i++) {
            next[500 + i] = answer.get(i);
        }
        GenerationRequest second = GenerationRequest.builder("turn2", next, 5).build();
        List<Integer> expected = alone(second);
        fixture.settle();
        Recorder again = submit(second);
        again.await();
        assertEquals(expected, again.tokens);
        // The last token of an answer was never read, so that it has no keys yet.
        assertEquals(539, again.cached);
    }

    @Test
    void equalPromptsThatArriveTogetherAreReadOnce() {
        int[] prompt = EngineFixture.prompt(new Random(5), 1000);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            requests.add(GenerationRequest.builder("n" + i, prompt, 20)
                    .sampling(new Sampling(1.2f, 1, 0, 0, i))
                    .build());
        }
        List<List<Integer>> alone = requests.stream().map(this::alone).toList();
        int before = model.rows.get();
        CountDownLatch held = fixture.hold();
        List<Recorder> recorders = requests.stream().map(this::submit).toList();
        held.countDown();
        for (int i = 0; i < 16; i++) {
            recorders.get(i).await();
            assertEquals(alone.get(i), recorders.get(i).tokens);
        }
        fixture.settle();
        // 1,000 once, the last token of it 15 times, and the answers with a step run ahead.
        assertTrue(model.rows.get() - before <= 1000 + 15 + 16 * 20, model.rows.get() - before + " rows");
    }

    @Test
    void sixteenRequestsWithOnePrefixHoldItsMemoryOnce() {
        HookedModel roomy = fixture.mlx.call(() -> new HookedModel(new TinyModel(9, 4096)));
        fixture.closes(roomy);
        Lane beside = fixture.engine.attach(roomy, "roomy");
        int[] prompt = EngineFixture.prompt(new Random(6), 3000);
        long[] most = new long[1];
        roomy.before = pass -> most[0] = Math.max(most[0], running(beside));
        Recorder first = new Recorder();
        beside.submit(GenerationRequest.builder("one", prompt, 2).build(), first);
        first.await();
        fixture.settle();
        long one = most[0];
        int own = 200;
        CountDownLatch held = fixture.hold();
        List<Recorder> recorders = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            Recorder recorder = new Recorder();
            recorders.add(recorder);
            beside.submit(
                    GenerationRequest.builder("s" + i, prompt, own)
                            .sampling(new Sampling(1, 1, 0, 0, i))
                            .build(),
                    recorder);
        }
        held.countDown();
        recorders.forEach(Recorder::await);
        long ownBytes = 16L * own * TinyModel.PAGE_BYTES / KvCache.PAGE;
        assertTrue(most[0] <= 1.3 * one + ownBytes, most[0] + " bytes against " + one + " and " + ownBytes);
        assertTrue(most[0] > one + ownBytes, "what is shared is counted once, what is not in full");
    }

    private static long running(Lane lane) {
        EngineStats stats = lane.stats();
        return stats.kvBytes() - stats.kvEvictableBytes();
    }

    @Test
    void aPromptThatWasGivenUpHalfReadIsNotReadAgain() {
        GenerationRequest request = EngineFixture.greedy("retry", 1200, 5);
        List<Integer> alone = alone(request);
        Generation[] generation = new Generation[1];
        int start = model.forwards.get();
        model.before = pass -> {
            if (pass == start + 3) {
                generation[0].cancel();
            }
        };
        CountDownLatch held = fixture.hold();
        Recorder first = new Recorder();
        generation[0] = lane.submit(request, first);
        held.countDown();
        assertEquals(TokenSink.Finish.CANCELLED, first.await());
        fixture.settle();
        Recorder second = submit(request);
        second.await();
        assertEquals(alone, second.tokens);
        assertTrue(second.cached >= 64, second.cached + " tokens of the first try");
    }

    @Test
    void scopesShareNothing() {
        int[] prompt = EngineFixture.prompt(new Random(7), 200);
        submit(GenerationRequest.builder("a", prompt, 2).cacheScope("a").build())
                .await();
        Recorder other =
                submit(GenerationRequest.builder("b", prompt, 2).cacheScope("b").build());
        other.await();
        assertEquals(0, other.cached);
        fixture.settle();
        Recorder same =
                submit(GenerationRequest.builder("c", prompt, 2).cacheScope("a").build());
        same.await();
        assertEquals(199, same.cached);
    }

    @Test
    void row1And2AndPagesAreFoundByAllTokensBeforeThemOnly() {
        // Features 17.1, rows 1 and 2: the original took a page for another with the same tokens elsewhere, or with
        // the same low bytes.
        int[] page = EngineFixture.prompt(new Random(8), 64);
        int[] twice = Arrays.copyOf(page, 128);
        System.arraycopy(page, 0, twice, 64, 64);
        submit(GenerationRequest.builder("once", Arrays.copyOf(page, 65), 1).build())
                .await();
        GenerationRequest request =
                GenerationRequest.builder("twice", twice, 30).build();
        List<Integer> expected = alone(request);
        Recorder recorder = submit(request);
        recorder.await();
        assertEquals(expected, recorder.tokens);
    }
}
