package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LaneTest {
    private EngineFixture fixture;
    private HookedModel model;
    private Lane lane;

    @BeforeEach
    void attach() {
        fixture = new EngineFixture(EngineFixture.limits(4, 3, 32));
        model = fixture.model(1);
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

    @Test
    void aFullQueueRefusesAtOnceAndNamesItsLimit() {
        CountDownLatch held = fixture.hold();
        List<Recorder> taken = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            taken.add(submit(EngineFixture.greedy("q" + i, 3, 4)));
        }
        Problem busy = assertThrows(ProblemException.class, () -> submit(EngineFixture.greedy("q7", 3, 4)))
                .problem();
        assertEquals(Problem.Kind.BUSY, busy.kind());
        assertEquals("3", busy.limit());
        assertTrue(busy.message().contains("3 requests wait"), busy.message());
        held.countDown();
        taken.forEach(each -> assertEquals(TokenSink.Finish.LENGTH, each.await()));
        // Room again: refusal left no trace.
        assertEquals(
                TokenSink.Finish.LENGTH,
                submit(EngineFixture.greedy("q8", 3, 4)).await());
    }

    @Test
    void whatCannotBeServedIsRefusedBeforeItMeetsOthers() {
        assertInvalid("prompt", new GenerationRequest("a", new int[0], Sampling.GREEDY, 1, Set.of()));
        assertInvalid("prompt", new GenerationRequest("b", new int[] {1, 64}, Sampling.GREEDY, 1, Set.of()));
        assertInvalid("prompt", new GenerationRequest("c", new int[] {-1}, Sampling.GREEDY, 1, Set.of()));
        assertInvalid("max_tokens", new GenerationRequest("d", new int[] {1}, Sampling.GREEDY, 0, Set.of()));
        assertInvalid("prompt", new GenerationRequest("e", new int[2048], Sampling.GREEDY, 1, Set.of()));
        assertInvalid("temperature", sampled(new Sampling(Float.NaN, 1, 0, 0, 0)));
        assertInvalid("top_p", sampled(new Sampling(1, 0, 0, 0, 0)));
        assertInvalid("min_p", sampled(new Sampling(1, 1, 0, 1.5f, 0)));
        assertInvalid("top_k", sampled(new Sampling(1, 1, -1, 0, 0)));
        assertEquals(0, model.forwards.get());
    }

    private static GenerationRequest sampled(Sampling sampling) {
        return new GenerationRequest("s", new int[] {1}, sampling, 1, Set.of());
    }

    private void assertInvalid(String field, GenerationRequest request) {
        Problem problem =
                assertThrows(ProblemException.class, () -> submit(request)).problem();
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertEquals(field, problem.subject());
    }

    @Test
    void cancellingAnAnswerEndsItAtTheNextStep() {
        Generation[] generation = new Generation[1];
        Recorder recorder = new Recorder(count -> {
            if (count == 5) {
                generation[0].cancel();
            }
        });
        CountDownLatch held = fixture.hold();
        generation[0] = lane.submit(EngineFixture.greedy("c", 4, 500), recorder);
        held.countDown();
        assertEquals(TokenSink.Finish.CANCELLED, recorder.await());
        assertEquals(5, recorder.tokens.size());
        // The fifth token is read while the sixth is made; no seventh begins.
        assertEquals(6, model.forwards.get());
    }

    @Test
    void cancellingAPromptEndsItAtTheNextChunk() {
        Generation[] generation = new Generation[1];
        model.before = pass -> {
            if (pass == 3) {
                generation[0].cancel();
            }
        };
        CountDownLatch held = fixture.hold();
        Recorder recorder = new Recorder();
        generation[0] = lane.submit(EngineFixture.greedy("p", 1500, 10), recorder);
        held.countDown();
        assertEquals(TokenSink.Finish.CANCELLED, recorder.await());
        assertEquals(3, model.forwards.get());
        assertEquals(List.of(), recorder.tokens);
    }

    @Test
    void cancellingARequestThatWaitsEndsItWithoutAStep() {
        CountDownLatch held = fixture.hold();
        List<Recorder> running = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            running.add(submit(EngineFixture.greedy("w" + i, 3, 30)));
        }
        Recorder waits = new Recorder();
        Generation generation = lane.submit(EngineFixture.greedy("w4", 3, 30), waits);
        generation.cancel();
        generation.cancel();
        held.countDown();
        assertEquals(TokenSink.Finish.CANCELLED, waits.await());
        running.forEach(each -> assertEquals(TokenSink.Finish.LENGTH, each.await()));
        assertEquals(List.of(), waits.violations);
    }

    @Test
    void aFailedStepFailsItsRequestsAndTheEngineGoesOn() {
        GenerationRequest later = EngineFixture.greedy("later", 20, 20);
        List<Integer> alone = fixture.alone(model, later);
        int before = model.forwards.get();
        model.before = pass -> {
            if (pass == before + 4) {
                throw new IllegalStateException("a fault of the test");
            }
        };
        CountDownLatch held = fixture.hold();
        Recorder first = submit(EngineFixture.greedy("first", 5, 50));
        Recorder second = submit(EngineFixture.greedy("second", 9, 50));
        held.countDown();
        for (Recorder each : List.of(first, second)) {
            Problem problem = each.awaitProblem();
            assertEquals(Problem.Kind.INTERNAL, problem.kind());
            assertTrue(problem.message().contains("a fault of the test"), problem.message());
            assertEquals(3, each.tokens.size(), "tokens of the steps before are handed out");
            assertEquals(List.of(), each.violations);
        }
        Recorder third = submit(later);
        assertEquals(TokenSink.Finish.LENGTH, third.await());
        assertEquals(alone, third.tokens);
    }

    @Test
    void aFaultAmidTheGraphLeavesNoTraceInTheCache() {
        GenerationRequest long1 = EngineFixture.greedy("long", 700, 30);
        List<Integer> alone = fixture.alone(model, long1);
        int before = model.forwards.get();
        model.after = pass -> {
            if (pass == before + 2) {
                throw new IllegalStateException("a fault of the test");
            }
        };
        Recorder failed = submit(long1);
        assertEquals(Problem.Kind.INTERNAL, failed.awaitProblem().kind());
        Recorder again = submit(long1);
        again.await();
        assertEquals(alone, again.tokens);
    }

    @Test
    void aBrokenReaderLosesItsOwnAnswerOnly() {
        GenerationRequest request = EngineFixture.greedy("neighbour", 8, 40);
        List<Integer> alone = fixture.alone(model, request);
        Recorder broken = new Recorder(count -> {
            if (count == 2) {
                throw new IllegalStateException("a reader's fault");
            }
        });
        CountDownLatch held = fixture.hold();
        lane.submit(EngineFixture.greedy("broken", 8, 40), broken);
        Recorder neighbour = submit(request);
        held.countDown();
        assertEquals(TokenSink.Finish.CANCELLED, broken.await());
        assertEquals(2, broken.tokens.size());
        neighbour.await();
        assertEquals(alone, neighbour.tokens);
    }

    @Test
    void lanesTakeTurns() {
        HookedModel other = fixture.model(2);
        Lane beside = fixture.engine.attach(other, "other");
        List<String> order = Collections.synchronizedList(new ArrayList<>());
        model.before = pass -> order.add("a");
        other.before = pass -> order.add("b");
        CountDownLatch held = fixture.hold();
        Recorder one = submit(EngineFixture.greedy("one", 3, 30));
        Recorder two = new Recorder();
        beside.submit(EngineFixture.greedy("two", 3, 30), two);
        held.countDown();
        one.await();
        two.await();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            expected.add("a");
            expected.add("b");
        }
        assertEquals(expected, order);
    }

    @Test
    void otherWorkOfTheMlxThreadRunsBetweenSteps() {
        List<Integer> jobs = new ArrayList<>();
        model.before = pass -> fixture.mlx.execute(() -> jobs.add(pass));
        Recorder recorder = new Recorder(count -> jobs.add(-count));
        lane.submit(EngineFixture.greedy("j", 3, 5), recorder);
        recorder.await();
        fixture.mlx.call(() -> true);
        // Token n is read in the turn that builds pass n + 1, the job that pass n asked for lies between them.
        assertEquals(List.of(1, -1, 2, -2, 3, -3, 4, -4, 5, -5), jobs);
    }

    @Test
    void drainingLetsRunningAnswersEndAndTakesNoMore() {
        Recorder recorder = submit(EngineFixture.greedy("d", 3, 200));
        recorder.awaitStart();
        lane.drain(Duration.ofMinutes(2));
        assertTrue(recorder.ended());
        assertEquals(TokenSink.Finish.LENGTH, recorder.await());
        Problem problem = assertThrows(ProblemException.class, () -> submit(EngineFixture.greedy("no", 3, 2)))
                .problem();
        assertEquals(Problem.Kind.UNAVAILABLE, problem.kind());
    }

    @Test
    void drainingCancelsWhatOutlastsTheLimit() {
        Thread drains = new Thread(() -> lane.drain(Duration.ZERO));
        model.before = pass -> {
            // Once the limit is over, and all is cancelled, drain waits for the end without one.
            if (pass == 3) {
                drains.start();
                while (drains.getState() != Thread.State.WAITING) {
                    Thread.onSpinWait();
                }
            }
        };
        Recorder recorder = submit(EngineFixture.greedy("d", 3, 2000));
        assertEquals(TokenSink.Finish.CANCELLED, recorder.await());
        assertEquals(3, model.forwards.get());
    }

    @Test
    void detachingFreesTheCacheAndTellsWhoIsLeft() {
        CompletableFuture<CompletableFuture<Void>> detached = new CompletableFuture<>();
        model.before = pass -> {
            if (pass == 3) {
                detached.complete(lane.detach());
            }
        };
        Recorder runs = submit(EngineFixture.greedy("x", 3, 2000));
        assertEquals(Problem.Kind.UNAVAILABLE, runs.awaitProblem().kind());
        detached.join().join();
        assertEquals(3, model.forwards.get());
        assertEquals(0, lane.stats().kvBytes());
        assertEquals(EngineStats.NONE, fixture.engine.stats());
    }

    @Test
    void everyRequestTakenWhileTheLaneIsDetachedEnds() throws InterruptedException {
        for (int round = 0; round < 200; round++) {
            Lane other = fixture.engine.attach(model, "tiny");
            List<Recorder> taken = Collections.synchronizedList(new ArrayList<>());
            CountDownLatch begun = new CountDownLatch(1);
            Thread submits = new Thread(() -> {
                boolean open = true;
                while (open) {
                    Recorder recorder = new Recorder();
                    try {
                        other.submit(EngineFixture.greedy("r", 3, 20), recorder);
                        taken.add(recorder);
                    } catch (ProblemException e) {
                        open = e.problem().kind() == Problem.Kind.BUSY;
                    }
                    begun.countDown();
                }
            });
            submits.start();
            begun.await();
            other.detach().join();
            submits.join();
            // Refused requests leave no count behind that the detaching would wait for, taken ones no reader.
            for (Recorder each : taken) {
                assertTrue(each.ended());
            }
        }
    }
}
