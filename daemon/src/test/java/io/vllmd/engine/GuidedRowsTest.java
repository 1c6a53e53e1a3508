package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Guides decide what may come next, and nobody else's tokens or pace depend on them. */
class GuidedRowsTest {
    private EngineFixture fixture;
    private HookedModel model;
    private Lane lane;

    @BeforeEach
    void attach() {
        fixture = new EngineFixture(EngineFixture.limits(8, 64, 64));
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

    /** A guide by a rule of the number of tokens so far; remembers what it accepted. */
    private abstract static class Counting implements TokenGuide {
        final List<Integer> accepted = new ArrayList<>();

        @Override
        public void accept(int token) {
            accepted.add(token);
        }

        @Override
        public void rollback(int tokens) {
            accepted.subList(accepted.size() - tokens, accepted.size()).clear();
        }

        static int[] mask(int... allowed) {
            int[] words = new int[TinyModel.VOCABULARY / 32];
            for (int id : allowed) {
                words[id / 32] |= 1 << (id % 32);
            }
            return words;
        }
    }

    @Test
    void onlyAllowedTokensComeAndTheGuideHearsOfEach() {
        Counting guide = new Counting() {
            @Override
            public Guidance next() {
                return new Guidance.Allowed(mask(accepted.size() % 2 == 0 ? new int[] {3, 40} : new int[] {7}));
            }
        };
        Recorder recorder = submit(GenerationRequest.builder("g", new int[] {1, 2, 3}, 20)
                .guide(guide)
                .sampling(new Sampling(1, 1, 0, 0, 5))
                .build());
        assertEquals(TokenSink.Finish.LENGTH, recorder.await());
        for (int i = 0; i < 20; i++) {
            int token = recorder.tokens.get(i);
            assertTrue(i % 2 == 0 ? token == 3 || token == 40 : token == 7, recorder.tokens.toString());
        }
        assertEquals(recorder.tokens.subList(0, guide.accepted.size()), guide.accepted);
        assertTrue(guide.accepted.size() >= 19);
    }

    @Test
    void aGuideThatAllowsAllChangesNothing() {
        for (int i = 0; i < 5; i++) {
            GenerationRequest plain = GenerationRequest.builder("free" + i, new int[] {4 + i, 9}, 60)
                    .sampling(new Sampling(1, 0.9f, 0, 0, i))
                    .build();
            Recorder guided = submit(GenerationRequest.builder("guided" + i, plain.prompt(), 60)
                    .sampling(plain.sampling())
                    .guide(new Counting() {
                        @Override
                        public Guidance next() {
                            return Guidance.FREE;
                        }
                    })
                    .build());
            guided.await();
            assertEquals(fixture.alone(model, plain), guided.tokens);
        }
    }

    @Test
    void forcedTokensAreReadLikeAPromptInOneStep() {
        int[] run = {5, 6, 7, 8, 9, 10, 11, 12};
        GenerationRequest request = GenerationRequest.builder("forced", new int[] {1, 2}, 10)
                .guide(new Counting() {
                    @Override
                    public Guidance next() {
                        return accepted.isEmpty() ? new Guidance.Forced(run) : Guidance.FREE;
                    }
                })
                .build();
        int before = model.forwards.get();
        Recorder recorder = submit(request);
        assertEquals(TokenSink.Finish.LENGTH, recorder.await());
        assertEquals(List.of(5, 6, 7, 8, 9, 10, 11, 12), recorder.tokens.subList(0, 8));
        List<Integer> rest = fixture.alone(
                model,
                GenerationRequest.builder("as prompt", new int[] {1, 2, 5, 6, 7, 8, 9, 10, 11, 12}, 2)
                        .build());
        assertEquals(rest, recorder.tokens.subList(8, 10));
        assertTrue(model.forwards.get() - before <= 6, "a pass for the prompt, one for the run, one a free token");
    }

    @Test
    void aGuideEndsAnAnswerAndItsReasonIsTold() {
        Recorder recorder = submit(GenerationRequest.builder("ends", new int[] {1, 2}, 100)
                .guide(new Counting() {
                    @Override
                    public Guidance next() {
                        return accepted.size() == 7 ? new Guidance.End("enough") : Guidance.FREE;
                    }
                })
                .build());
        assertEquals(TokenSink.Finish.GUIDE, recorder.await());
        assertEquals("enough", recorder.detail);
        assertEquals(7, recorder.tokens.size());
    }

    @Test
    void aSlowGuideHoldsUpNobodyElse() {
        CountDownLatch release = new CountDownLatch(1);
        Recorder slow = submit(GenerationRequest.builder("slow", new int[] {1, 2}, 5)
                .guide(new Counting() {
                    @Override
                    public Guidance next() {
                        if (accepted.size() == 2) {
                            awaitLatch(release);
                        }
                        return Guidance.FREE;
                    }
                })
                .build());
        GenerationRequest other = EngineFixture.greedy("other", 10, 200);
        List<Integer> alone = fixture.alone(model, other);
        Recorder beside = submit(other);
        assertEquals(TokenSink.Finish.LENGTH, beside.await(), "while the guide still thinks");
        assertEquals(alone, beside.tokens);
        assertEquals(2, slow.tokens.size());
        release.countDown();
        assertEquals(TokenSink.Finish.LENGTH, slow.await());
        assertEquals(5, slow.tokens.size());
    }

    @Test
    void aRequestThatWaitsForItsGuideCanBeCancelled() {
        CountDownLatch release = new CountDownLatch(1);
        Recorder recorder = new Recorder();
        Generation generation = lane.submit(
                GenerationRequest.builder("stuck", new int[] {1, 2}, 5)
                        .guide(new Counting() {
                            @Override
                            public Guidance next() {
                                awaitLatch(release);
                                return Guidance.FREE;
                            }
                        })
                        .build(),
                recorder);
        recorder.awaitStart();
        generation.cancel();
        assertEquals(TokenSink.Finish.CANCELLED, recorder.await());
        release.countDown();
    }

    @Test
    void aGuideThatFailsEndsItsOwnRequestOnly() {
        GenerationRequest other = EngineFixture.greedy("neighbour", 10, 50);
        List<Integer> alone = fixture.alone(model, other);
        CountDownLatch held = fixture.hold();
        Recorder fails = submit(GenerationRequest.builder("fails", new int[] {1, 2}, 50)
                .guide(new Counting() {
                    @Override
                    public Guidance next() {
                        if (accepted.size() == 3) {
                            throw new IllegalStateException("a fault of the test");
                        }
                        return Guidance.FREE;
                    }
                })
                .build());
        Recorder beside = submit(other);
        held.countDown();
        assertEquals(Problem.Kind.INTERNAL, fails.awaitProblem().kind());
        assertEquals(TokenSink.Finish.LENGTH, beside.await());
        assertEquals(alone, beside.tokens);
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
