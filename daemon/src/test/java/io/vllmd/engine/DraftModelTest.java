package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.ProblemException;
import io.vllmd.mlx.Array;
import io.vllmd.model.KvStep;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever a draft model guesses, answers are those that come without it. */
class DraftModelTest {

    private static Lane attach(EngineFixture fixture, LanguageModel model, LanguageModel draft) {
        return fixture.engine.attach(model, "tiny", new LaneOptions(0, "", draft), new DraftDice(new Random(5)));
    }

    /** Answers of many requests that come and go, each against what it yields alone. */
    private static void mix(EngineFixture fixture, LanguageModel model, LanguageModel draft, int requests) {
        Random random = new Random(31);
        List<GenerationRequest> all = new ArrayList<>();
        List<List<Integer>> alone = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            GenerationRequest request = EngineFixture.random("d" + i, random, 300, 60);
            all.add(request);
            alone.add(fixture.alone(model, request));
        }
        Lane lane = attach(fixture, model, draft);
        List<Recorder> answers = new ArrayList<>();
        for (GenerationRequest each : all) {
            Recorder recorder = new Recorder();
            answers.add(recorder);
            lane.submit(each, recorder);
        }
        for (int i = 0; i < requests; i++) {
            answers.get(i).await();
            assertEquals(alone.get(i), answers.get(i).tokens, all.get(i).id());
        }
        fixture.settle();
    }

    @Test
    void anotherModelsGuessesChangeNoAnswer() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(6, 1000, 64))) {
            mix(fixture, fixture.model(7), fixture.model(8), 120);
            EngineStats stats = fixture.engine.stats();
            assertTrue(stats.guessed() > 500, stats.toString());
            assertTrue(stats.guessedRight() < stats.guessed(), stats.toString());
        }
    }

    @Test
    void aModelThatGuessesForItselfIsAlwaysRightAtAnyTemperature() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(6, 1000, 64))) {
            LanguageModel model = fixture.model(7);
            mix(fixture, model, model, 120);
            EngineStats stats = fixture.engine.stats();
            assertTrue(stats.guessed() > 500, stats.toString());
            // What was guessed behind the end of an answer is neither right nor wrong, and counts as guessed.
            assertTrue(stats.guessedRight() > 0.95 * stats.guessed(), stats.toString());
        }
    }

    @Test
    void penaltiesAndBiasesHoldForGuessedTokensToo() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(4, 100, 64))) {
            HookedModel model = fixture.model(7);
            Lane plain = fixture.engine.attach(model, "plain");
            Lane guessing = attach(fixture, model, model);
            for (int i = 0; i < 12; i++) {
                GenerationRequest request = GenerationRequest.builder("p" + i, new int[] {i, 2, 3}, 60)
                        .sampling(new Sampling(
                                1, 0.9f, 0, 0, i, new Sampling.Penalties(0.5f, 0.4f, 1.2f, 32), Map.of(i, 2f)))
                        .minTokens(10)
                        .build();
                Recorder expected = new Recorder();
                plain.submit(request, expected);
                expected.await();
                Recorder guessed = new Recorder();
                guessing.submit(request, guessed);
                guessed.await();
                assertEquals(expected.tokens, guessed.tokens);
            }
            assertTrue(fixture.engine.stats().guessed() > 100);
        }
    }

    /** Rules that depend on all tokens so far: some are forbidden, some runs are forced, and it ends somewhere. */
    private static final class Rules implements TokenGuide {
        private final int seed;
        final List<Integer> accepted = new ArrayList<>();
        int rolledBack;

        Rules(int seed) {
            this.seed = seed;
        }

        @Override
        public Guidance next() {
            Random random = new Random(31L * accepted.hashCode() + seed);
            if (accepted.size() > 40 && random.nextInt(8) == 0) {
                return new Guidance.End("enough");
            }
            return switch (random.nextInt(6)) {
                case 0 -> new Guidance.Forced(EngineFixture.prompt(random, 1 + random.nextInt(5)));
                case 1, 2 -> new Guidance.Allowed(new int[] {random.nextInt() | 1, random.nextInt()});
                default -> Guidance.FREE;
            };
        }

        @Override
        public void accept(int token) {
            accepted.add(token);
        }

        @Override
        public void rollback(int tokens) {
            rolledBack += tokens;
            accepted.subList(accepted.size() - tokens, accepted.size()).clear();
        }
    }

    @Test
    void aGuideIsAskedAboutGuessesAndTheyAreTakenBack() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(5, 100, 64))) {
            HookedModel model = fixture.model(7);
            Lane plain = fixture.engine.attach(model, "plain");
            Lane guessing = attach(fixture, model, model);
            List<Recorder> expected = new ArrayList<>();
            List<Recorder> guessed = new ArrayList<>();
            List<Rules> rules = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                GenerationRequest.Builder request = GenerationRequest.builder(
                                "r" + i, EngineFixture.prompt(new Random(i), 1 + i), 20 + i)
                        .sampling(i % 3 == 0 ? Sampling.GREEDY : new Sampling(1, 0.95f, 0, 0, i));
                expected.add(new Recorder());
                plain.submit(request.guide(new Rules(i)).speculative(false).build(), expected.getLast());
                guessed.add(new Recorder());
                rules.add(new Rules(i));
                guessing.submit(request.guide(rules.getLast()).speculative(true).build(), guessed.getLast());
            }
            for (int i = 0; i < expected.size(); i++) {
                TokenSink.Finish end = expected.get(i).await();
                assertEquals(end, guessed.get(i).await());
                assertEquals(expected.get(i).tokens, guessed.get(i).tokens, "request " + i);
            }
            assertTrue(
                    fixture.engine.stats().guessedRight() > 200,
                    fixture.engine.stats().toString());
            assertTrue(rules.stream().mapToInt(each -> each.rolledBack).sum() > 20);
        }
    }

    @Test
    void givesBackItsPagesAndAnswersGoOnWhereMemoryIsShort() {
        // Room for the answers alone: the draft model's pages come and go.
        try (EngineFixture fixture = new EngineFixture(EngineFixture.withPages(6, 64, 14))) {
            mix(fixture, fixture.model(7), fixture.model(8), 60);
            long held =
                    fixture.engine.stats().kvBytes() - fixture.engine.stats().kvEvictableBytes();
            assertEquals(0, held, "nobody runs, and all that is kept can be dropped");
        }
    }

    @Test
    void holdsNoPagesOnceItMayNotGuessAnyMore() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(4, 100, 64))) {
            HookedModel model = fixture.model(7);
            Lane lane = attach(fixture, model, fixture.model(8));
            EngineLimits limits = fixture.engine.limits();
            EngineLimits without = new EngineLimits(
                    limits.maxBatch(),
                    limits.queue(),
                    limits.prefillBudget(),
                    limits.prefillChunk(),
                    limits.kvMemory(),
                    limits.prefixCache(),
                    limits.maxKvTokens(),
                    false);
            Recorder recorder = new Recorder(count -> {
                if (count == 100) {
                    fixture.engine.limits(without);
                }
            });
            lane.submit(EngineFixture.greedy("off", 200, 300), recorder);
            recorder.await();
            fixture.settle();
            EngineStats stats = fixture.engine.stats();
            assertTrue(stats.guessed() > 0, stats.toString());
            // The answer's own prefix and the draft model's: both are cached, and nobody holds them.
            assertTrue(stats.kvBytes() > Math.ceilDiv(500, 64) * TinyModel.PAGE_BYTES, stats.toString());
            assertEquals(stats.kvBytes(), stats.kvEvictableBytes());
        }
    }

    @Test
    void aDraftModelThatFailsIsDoneWithout() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(4, 100, 64))) {
            HookedModel draft = fixture.model(8);
            draft.before = pass -> {
                if (pass == 7) {
                    throw new IllegalStateException("a fault of the test");
                }
            };
            mix(fixture, fixture.model(7), draft, 20);
            assertEquals(7, draft.forwards.get());
        }
    }

    @Test
    void anUnsuitableDraftModelIsRefused() {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(4, 100, 64))) {
            LanguageModel model = fixture.model(7);
            LanguageModel.Description real = model.description();
            LanguageModel other = new LanguageModel() {
                @Override
                public Description description() {
                    return new Description(
                            "other", 99, 64, real.kvLayers(), real.activations(), real.weightBytes(), "float32");
                }

                @Override
                public Array forward(Array ids, KvStep kv, int[] logitRows) {
                    throw new AssertionError();
                }

                @Override
                public void close() {}
            };
            ProblemException refused = assertThrows(
                    ProblemException.class, () -> fixture.engine.attach(model, "tiny", new LaneOptions(0, "", other)));
            assertTrue(
                    refused.problem().message().contains("99"),
                    refused.problem().message());
        }
    }
}
