package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Mlx;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The real small model: quantised weights, six thousand tokens, more layers than the tiny one. */
class SproutBatchingTest {
    private static final Path SPROUT = Path.of("src", "main", "sprout");

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void answersOfARealModelDoNotDependOnTheirNeighbours(boolean fast) throws Exception {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(6, 1000, 32));
                ModelFolder folder = ModelFolder.open(SPROUT)) {
            fixture.mlx.call(() -> {
                Mlx.useFastCpuMath(fast);
                return fast;
            });
            LanguageModel model = ModelLoader.load(folder, fixture.mlx, fraction -> {});
            fixture.closes(model);
            Random random = new Random(21);
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                int[] prompt = random.ints(
                                1 + random.nextInt(120), 0, model.description().vocabulary())
                        .toArray();
                Sampling sampling = i % 3 == 0
                        ? Sampling.GREEDY
                        : new Sampling(0.5f + random.nextFloat(), 0.9f, i % 2 * 50, 0, random.nextLong());
                requests.add(new GenerationRequest("s" + i, prompt, sampling, 1 + random.nextInt(40), Set.of()));
            }
            List<List<Integer>> alone =
                    requests.stream().map(each -> fixture.alone(model, each)).toList();
            Lane lane = fixture.engine.attach(model, "sprout");
            List<Recorder> answers = new ArrayList<>();
            for (GenerationRequest each : requests) {
                Recorder recorder = new Recorder();
                answers.add(recorder);
                lane.submit(each, recorder);
            }
            for (int i = 0; i < requests.size(); i++) {
                assertEquals(TokenSink.Finish.LENGTH, answers.get(i).await());
                assertEquals(
                        alone.get(i), answers.get(i).tokens, requests.get(i).id());
            }
            fixture.mlx.call(() -> {
                Mlx.useFastCpuMath(false);
                return false;
            });
        }
    }
}
