package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BatchingTest {

    /** A request, what it must yield, and where its reader stops it; 0 = nowhere. */
    private record Case(GenerationRequest request, List<Integer> alone, int cancelAfter) {}

    @Test
    void anyMixOfJoinsLeavesAndChunksYieldsWhatEachRequestYieldsAlone() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(8, 1000, 16))) {
            HookedModel model = fixture.model(7);
            Random random = new Random(11);
            List<Case> cases = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                GenerationRequest request = EngineFixture.random("r" + i, random, 90, 50);
                cases.add(new Case(
                        request, fixture.alone(model, request), random.nextInt(5) == 0 ? 1 + random.nextInt(30) : 0));
            }
            Lane lane = fixture.engine.attach(model, "tiny");
            // So many at a time, now few, now more than the batch holds, under limits that change as they run.
            Semaphore room = new Semaphore(14);
            Map<Case, Recorder> answers = new HashMap<>();
            for (Case each : cases) {
                room.acquireUninterruptibly();
                if (random.nextInt(6) == 0) {
                    fixture.engine.limits(EngineFixture.limits(1 + random.nextInt(12), 1000, 1 + random.nextInt(60)));
                }
                answers.put(each, submit(lane, each, room));
            }
            for (Case each : cases) {
                Recorder answer = Objects.requireNonNull(answers.get(each));
                TokenSink.Finish finish = answer.await();
                String about = each.request.id() + " " + each.request.sampling();
                assertEquals(List.of(), answer.violations, about);
                if (finish == TokenSink.Finish.CANCELLED) {
                    assertEquals(each.alone.subList(0, each.cancelAfter), answer.tokens, about);
                } else {
                    assertEquals(each.alone, answer.tokens, about);
                    boolean full = each.alone.size() == each.request.maxTokens();
                    assertEquals(full ? TokenSink.Finish.LENGTH : TokenSink.Finish.STOP, finish, about);
                }
            }
            assertTrue(fixture.engine.stats().tokens() > 0);
        }
    }

    private static Recorder submit(Lane lane, Case each, Semaphore room) {
        Generation[] generation = new Generation[1];
        CountDownLatch known = new CountDownLatch(1);
        Recorder recorder = new Recorder(count -> {
            if (count == each.cancelAfter) {
                awaitLatch(known);
                generation[0].cancel();
            }
        });
        generation[0] = lane.submit(each.request, new ReleasingSink(recorder, room));
        known.countDown();
        return recorder;
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Passes all on, and makes room for another request at the end. */
    private record ReleasingSink(TokenSink sink, Semaphore room) implements TokenSink {
        @Override
        public void started(int cachedTokens) {
            sink.started(cachedTokens);
        }

        @Override
        public void token(int id, @Nullable TokenLogprobs logprobs) {
            sink.token(id, logprobs);
        }

        @Override
        public void finished(Finish finish, @Nullable String detail) {
            sink.finished(finish, detail);
            room.release();
        }

        @Override
        public void failed(io.vllmd.config.Problem problem) {
            sink.failed(problem);
            room.release();
        }
    }

    @Test
    void anAnswerThatOutgrowsItsSlotsGoesOnInLargerOnes() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(8, 100, 64))) {
            HookedModel model = fixture.model(3);
            Random random = new Random(5);
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                // From the class of 512 to those of 1,024 and 2,048, at different steps, with short ones between.
                GenerationRequest mixed = EngineFixture.random("g" + i, random, 200, 40);
                requests.add(new GenerationRequest(
                        mixed.id(), mixed.prompt(), mixed.sampling(), 900 + 37 * i, java.util.Set.of()));
                requests.add(EngineFixture.random("s" + i, random, 600, 300));
            }
            List<List<Integer>> alone =
                    requests.stream().map(each -> fixture.alone(model, each)).toList();
            Lane lane = fixture.engine.attach(model, "tiny");
            List<Recorder> answers = requests.stream()
                    .map(each -> {
                        Recorder recorder = new Recorder();
                        lane.submit(each, recorder);
                        return recorder;
                    })
                    .toList();
            for (int i = 0; i < requests.size(); i++) {
                answers.get(i).await();
                assertEquals(
                        alone.get(i), answers.get(i).tokens, requests.get(i).id());
            }
        }
    }
}
