package io.vllmd.engine;

import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * What guessing gains on a real model, and that it does not lose: the same prompts without guesses, with those that
 * repeated words give, and with a draft model's, in turn. Arguments: the model's folder, the draft model's, rounds (7).
 */
public final class SpeculationBenchmark {
    private static final String[] QUESTIONS = {
        "Write a short poem about the sea.",
        "Tell me a story about a fox.",
        "What is 12 + 35?",
        "Repeat this text word for word: The quick brown fox jumps over the lazy dog, then the lazy dog jumps over the fox.",
        "List five animals.",
        "What can you do?",
        "Return a JSON object with the fields name, age and city for a person of your choice.",
        "Write a long story about a village by a river and the people who live there."
    };
    private static final int TOKENS = 200;

    private static final List<String> WAYS = List.of("none", "lookup", "draft");

    private SpeculationBenchmark() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        int rounds = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 7;
        Tokenizer tokenizer = Tokenizer.load(folder.resolve("tokenizer.json"));
        int end = tokenizer.encode("<|im_end|>")[0];
        List<int[]> prompts = new ArrayList<>();
        for (String each : QUESTIONS) {
            prompts.add(tokenizer.encode("<|im_start|>user\n" + each + "<|im_end|>\n<|im_start|>assistant\n"));
        }
        try (MlxThread mlx = MlxThread.start("mlx");
                Engine engine = new Engine(mlx, EngineLimits.DEFAULT)) {
            LanguageModel model = ModelLoader.load(ModelFolder.open(folder), mlx, fraction -> {});
            LanguageModel draft = ModelLoader.load(ModelFolder.open(Path.of(arguments[1])), mlx, fraction -> {});
            Lane plain = engine.attach(model, "plain");
            Lane drafting = engine.attach(model, "drafting", new LaneOptions(0, "", draft));
            System.out.println("| streams | temperature | guesses | tokens/s | ratio | guessed | right |");
            System.out.println("|---:|---:|---|---:|---:|---:|---:|");
            for (int streams : new int[] {1, 4}) {
                for (float temperature : new float[] {0, 0.7f}) {
                    double[][] speeds = new double[WAYS.size()][rounds];
                    long[] guessed = new long[speeds.length];
                    long[] right = new long[speeds.length];
                    for (int round = -1; round < rounds; round++) {
                        for (int i = 0; i < speeds.length; i++) {
                            int way = round % 2 == 0 ? i : speeds.length - 1 - i;
                            Lane lane = way == 2 ? drafting : plain;
                            EngineStats before = lane.stats();
                            double speed = run(lane, way > 0, prompts, streams, temperature, end, round);
                            if (round >= 0) {
                                speeds[way][round] = speed;
                                guessed[way] += lane.stats().guessed() - before.guessed();
                                right[way] += lane.stats().guessedRight() - before.guessedRight();
                            }
                        }
                    }
                    for (int way = 0; way < speeds.length; way++) {
                        double speed = median(speeds[way]);
                        System.out.printf(
                                "| %d | %.1f | %s | %.0f | %.2f | %d | %d |%n",
                                streams,
                                temperature,
                                WAYS.get(way),
                                speed,
                                speed / median(speeds[0]),
                                guessed[way],
                                right[way]);
                    }
                }
            }
            plain.detach().join();
            drafting.detach().join();
            mlx.call(() -> {
                model.close();
                draft.close();
                return true;
            });
        }
    }

    private static double run(
            Lane lane, boolean guesses, List<int[]> prompts, int streams, float temperature, int end, int round) {
        long began = System.nanoTime();
        long tokens = 0;
        for (int from = 0; from < prompts.size(); from += streams) {
            List<Recorder> answers = new ArrayList<>();
            for (int i = from; i < from + streams; i++) {
                Recorder recorder = new Recorder();
                answers.add(recorder);
                lane.submit(
                        GenerationRequest.builder("s" + i, prompts.get(i), TOKENS)
                                .sampling(new Sampling(temperature, 0.95f, 0, 0, round))
                                .stopTokens(Set.of(end))
                                .speculative(guesses)
                                .build(),
                        recorder);
            }
            for (Recorder each : answers) {
                each.await();
                tokens += each.tokens.size();
            }
        }
        return tokens * 1e9 / (System.nanoTime() - began);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
