package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.hub.ModelFolder;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Deterministic mode: the same request gives the same tokens alone, in any batch, with and without a prefix hit, in
 * chunks of any size, with guesses and without. Conversations of many turns come at random,
 * under limits that change as they run, and each answer is compared with what the plainest loop makes of it.
 */
class DeterminismTest {
    private static final Path SPROUT = Path.of("src", "main", "sprout");

    private static GenerationRequest request(String id, int[] prompt, Random random, int mostTokens) {
        Sampling sampling = random.nextInt(3) == 0
                ? Sampling.GREEDY
                : new Sampling(0.4f + random.nextFloat(), 0.95f, 0, 0.02f, random.nextLong());
        return GenerationRequest.builder(id, prompt, 1 + random.nextInt(mostTokens))
                .sampling(sampling)
                .stopTokens(Set.of())
                .priority(random.nextBoolean() ? Priority.INTERACTIVE : Priority.BACKGROUND)
                .speculative(random.nextBoolean())
                .deterministic(true)
                .build();
    }

    /** Requests that begin alike: a prompt is the beginning of one of a few long texts. */
    private static List<GenerationRequest> requests(Random random, int count, int vocabulary, int longest) {
        int[][] texts = new int[8][];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = random.ints(longest, 0, vocabulary).toArray();
            if (i > 0) {
                // The beginning of every text is one system prompt.
                System.arraycopy(texts[0], 0, texts[i], 0, longest / 3);
            }
        }
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] text = texts[random.nextInt(texts.length)];
            requests.add(request("d" + i, Arrays.copyOf(text, 1 + random.nextInt(longest)), random, 40));
        }
        return requests;
    }

    private static void mix(
            EngineFixture fixture, LanguageModel model, Lane lane, Random random, int count, long memory)
            throws InterruptedException {
        List<GenerationRequest> requests =
                requests(random, count, model.description().vocabulary(), 300);
        List<List<Integer>> alone =
                requests.stream().map(each -> fixture.alone(model, each)).toList();
        List<Recorder> answers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            if (random.nextInt(4) == 0) {
                fixture.engine.limits(new EngineLimits(
                        1 + random.nextInt(16),
                        10_000,
                        Duration.ofMillis(100),
                        1 + random.nextInt(120),
                        memory,
                        random.nextInt(3) > 0,
                        0,
                        true));
            }
            Recorder recorder = new Recorder();
            answers.add(recorder);
            lane.submit(requests.get(i), recorder);
            if (random.nextInt(12) == 0) {
                answers.get(random.nextInt(answers.size())).await();
            }
        }
        for (int i = 0; i < count; i++) {
            assertEquals(TokenSink.Finish.LENGTH, answers.get(i).await());
            assertEquals(alone.get(i), answers.get(i).tokens, requests.get(i).id());
        }
    }

    @Test
    void hundredsOfMixedRequestsYieldTheTokensOfEachAlone() throws InterruptedException {
        long memory = 24 * TinyModel.PAGE_BYTES;
        try (EngineFixture fixture = new EngineFixture(EngineFixture.withPages(8, 64, 24))) {
            HookedModel model = fixture.model(7);
            Lane lane = fixture.engine.attach(
                    model, "tiny", new LaneOptions(0, "", fixture.model(8)), new DraftDice(new Random(2)));
            mix(fixture, model, lane, new Random(77), 400, memory);
            EngineStats stats = fixture.engine.stats();
            assertTrue(stats.cachedTokens() > 1000 && stats.guessed() > 100, stats.toString());
        }
    }

    @Test
    void aRealModelDoesToo() throws Exception {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(8, 10_000, 64));
                ModelFolder folder = ModelFolder.open(SPROUT)) {
            LanguageModel model = ModelLoader.load(folder, fixture.mlx, fraction -> {});
            fixture.closes(model);
            mix(fixture, model, fixture.engine.attach(model, "sprout"), new Random(78), 80, 1L << 30);
            assertTrue(fixture.engine.stats().cachedTokens() > 1000);
        }
    }
}
