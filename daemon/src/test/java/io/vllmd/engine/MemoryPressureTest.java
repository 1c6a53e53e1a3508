package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** More requests than memory for their keys: all of them end, with the tokens that they have alone. */
class MemoryPressureTest {

    private static Recorder submit(Lane lane, GenerationRequest request) {
        Recorder recorder = new Recorder();
        lane.submit(request, recorder);
        return recorder;
    }

    @Test
    void requestsThatLoseTheirPagesGoOnAsIfNothingHadHappened() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.withPages(8, 64, 20))) {
            HookedModel model = fixture.model(1);
            Lane lane = fixture.engine.attach(model, "tiny");
            Random random = new Random(2);
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                requests.add(GenerationRequest.builder(
                                "p" + i,
                                EngineFixture.prompt(random, 1 + random.nextInt(200)),
                                20 + random.nextInt(300))
                        .sampling(i % 3 == 0 ? Sampling.GREEDY : new Sampling(1, 0.95f, 0, 0, i))
                        .build());
            }
            List<List<Integer>> alone =
                    requests.stream().map(each -> fixture.alone(model, each)).toList();
            CountDownLatch held = fixture.hold();
            List<Recorder> recorders =
                    requests.stream().map(each -> submit(lane, each)).toList();
            held.countDown();
            for (int i = 0; i < requests.size(); i++) {
                recorders.get(i).await();
                assertEquals(alone.get(i), recorders.get(i).tokens, "request " + i);
                assertEquals(List.of(), recorders.get(i).violations);
            }
            fixture.settle();
            EngineStats stats = lane.stats();
            assertTrue(stats.preemptions() > 0, "nobody was preempted");
            assertTrue(stats.kvBytes() <= 20 * TinyModel.PAGE_BYTES, stats.kvBytes() + " bytes");
            assertEquals(stats.kvBytes(), stats.kvEvictableBytes());
        }
    }

    @Test
    void whatIsLessUrgentWaitsAndGivesUpItsMemoryFirst() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.withPages(8, 64, 10))) {
            HookedModel model = fixture.model(1);
            Lane lane = fixture.engine.attach(model, "tiny");
            List<String> ends = new ArrayList<>();
            Random random = new Random(4);
            CountDownLatch held = fixture.hold();
            List<Recorder> recorders = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                String id = (i % 2 == 0 ? "background" : "interactive") + i;
                GenerationRequest request = GenerationRequest.builder(id, EngineFixture.prompt(random, 150), 100)
                        .priority(i % 2 == 0 ? Priority.BACKGROUND : Priority.INTERACTIVE)
                        .speculative(false)
                        .build();
                Recorder recorder = new Recorder(count -> {
                    if (count == 100) {
                        ends.add(id);
                    }
                });
                lane.submit(request, recorder);
                recorders.add(recorder);
            }
            held.countDown();
            recorders.forEach(Recorder::await);
            fixture.settle();
            assertEquals(
                    List.of("interactive1", "interactive3"),
                    ends.subList(0, 2),
                    "two fit at once, and urgent ones come first: " + ends);
            assertEquals("interactive5", ends.get(2), ends.toString());
        }
    }

    @Test
    void aPromptThatCanNeverFitIsRefusedAndSaysWhatHelps() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.withPages(8, 64, 4))) {
            Lane lane = fixture.engine.attach(fixture.model(1), "tiny");
            Problem problem = submit(lane, EngineFixture.greedy("big", 1000, 5)).awaitProblem();
            assertEquals(Problem.Kind.TOO_LARGE, problem.kind());
            assertTrue(problem.message().contains("engine.kv-memory"), problem.message());
            assertEquals(
                    TokenSink.Finish.LENGTH,
                    submit(lane, EngineFixture.greedy("small", 10, 5)).await());
        }
    }

    @Test
    void anAnswerThatOutgrowsTheMemoryEndsAsOneThatFillsTheContext() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.withPages(8, 64, 4))) {
            HookedModel model = fixture.model(1);
            Lane lane = fixture.engine.attach(model, "tiny");
            GenerationRequest request = EngineFixture.greedy("long", 100, 1000);
            Recorder recorder = submit(lane, request);
            assertEquals(TokenSink.Finish.CONTEXT, recorder.await());
            // The last token needs no keys of its own.
            assertEquals(157, recorder.tokens.size());
            assertEquals(fixture.alone(model, request).subList(0, 157), recorder.tokens);
        }
    }

    @Test
    void twoModelsShareTheMemoryAndOneGetsWhatTheOtherOnlyCaches() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.withPages(8, 64, 10))) {
            Lane one = fixture.engine.attach(fixture.model(1), "one");
            Lane two = fixture.engine.attach(fixture.model(2), "two");
            submit(one, EngineFixture.greedy("a", 500, 5)).await();
            fixture.settle();
            assertEquals(8 * TinyModel.PAGE_BYTES, one.stats().kvBytes());
            assertEquals(
                    TokenSink.Finish.LENGTH,
                    submit(two, EngineFixture.greedy("b", 500, 5)).await());
            fixture.settle();
            assertTrue(fixture.engine.stats().kvBytes() <= 10 * TinyModel.PAGE_BYTES);
        }
    }

    @Test
    void aBoundedSequenceKeepsTheNewestTokensAndGoesOn() {
        EngineLimits plain = EngineFixture.withPages(8, 64, 6);
        EngineLimits bounded = new EngineLimits(8, 64, plain.prefillBudget(), 64, plain.kvMemory(), true, 128, true);
        try (EngineFixture fixture = new EngineFixture(bounded)) {
            Lane lane = fixture.engine.attach(fixture.model(1), "tiny");
            Recorder recorder = submit(lane, EngineFixture.greedy("rotating", 300, 700));
            assertEquals(TokenSink.Finish.LENGTH, recorder.await());
            assertEquals(700, recorder.tokens.size());
        }
    }
}
