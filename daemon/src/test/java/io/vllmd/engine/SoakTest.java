package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.mlx.Mlx;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Long runs, bounded by count. */
class SoakTest {

    @Test
    void tenThousandShortRequestsLeaveNothingBehind() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(16, 64, 256))) {
            Lane lane = fixture.engine.attach(fixture.model(1), "tiny");
            Random random = new Random(3);
            shortRequests(lane, random, 500);
            fixture.settle();
            long active = active(fixture);
            shortRequests(lane, random, 10_000);
            fixture.settle();
            // What is left is cached prefixes, each of which could go.
            assertEquals(lane.stats().kvBytes(), lane.stats().kvEvictableBytes());
            assertEquals(active, active(fixture), "bytes that MLX holds");
            assertEquals(0, lane.running());
            assertEquals(0, lane.queued());
        }
    }

    private static long active(EngineFixture fixture) {
        return fixture.mlx.call(() -> Mlx.memory().active());
    }

    private static void shortRequests(Lane lane, Random random, int count) {
        Semaphore room = new Semaphore(48);
        AtomicInteger ended = new AtomicInteger();
        for (int i = 0; i < count; i++) {
            room.acquireUninterruptibly();
            lane.submit(EngineFixture.random("short", random, 6, 4), new Ending(room, ended));
        }
        room.acquireUninterruptibly(48);
        assertEquals(count, ended.get());
    }

    private record Ending(Semaphore room, AtomicInteger ended) implements TokenSink {
        @Override
        public void started(int cachedTokens) {}

        @Override
        public void token(int id, @Nullable TokenLogprobs logprobs) {}

        @Override
        public void finished(Finish finish, @Nullable String detail) {
            ended.incrementAndGet();
            room.release();
        }

        @Override
        public void failed(Problem problem) {
            room.release();
        }
    }

    @Test
    void everyRequestEndsOnceWhateverGoesWrongBesideIt() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(8, 200, 48))) {
            HookedModel model = fixture.model(4);
            Random random = new Random(9);
            Random faults = new Random(10);
            List<GenerationRequest> requests = new ArrayList<>();
            List<List<Integer>> alone = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                GenerationRequest request = EngineFixture.random("k" + i, random, 300, 400);
                requests.add(request);
                alone.add(fixture.alone(model, request));
            }
            model.before = pass -> {
                if (faults.nextInt(150) == 0) {
                    throw new IllegalStateException("a fault of the test");
                }
            };
            Lane lane = fixture.engine.attach(model, "tiny");
            Semaphore room = new Semaphore(12);
            List<Recorder> answers = new ArrayList<>();
            for (int i = 0; i < 600; i++) {
                room.acquireUninterruptibly();
                Recorder recorder = new Recorder(count -> {
                    if (faults.nextInt(400) == 0) {
                        throw new IllegalStateException("a reader's fault");
                    }
                });
                answers.add(recorder);
                Generation generation = lane.submit(requests.get(i % 40), new Counted(recorder, room));
                if (random.nextInt(10) == 0) {
                    generation.cancel();
                }
            }
            int whole = 0;
            for (int i = 0; i < answers.size(); i++) {
                Recorder answer = answers.get(i);
                List<Integer> expected = alone.get(i % 40);
                awaitEither(answer);
                assertEquals(List.of(), answer.violations);
                assertEquals(expected.subList(0, answer.tokens.size()), answer.tokens);
                whole += answer.tokens.size() == expected.size() ? 1 : 0;
            }
            assertTrue(whole > 100, whole + " answers were whole");
            fixture.settle();
            assertEquals(0, lane.running() + lane.queued());
        }
    }

    /** Waits for either end. */
    private static void awaitEither(Recorder answer) {
        try {
            answer.await();
        } catch (io.vllmd.config.ProblemException e) {
            assertEquals(Problem.Kind.INTERNAL, e.problem().kind());
        }
    }

    private record Counted(TokenSink sink, Semaphore room) implements TokenSink {
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
            room.release();
            sink.finished(finish, detail);
        }

        @Override
        public void failed(Problem problem) {
            room.release();
            sink.failed(problem);
        }
    }
}
