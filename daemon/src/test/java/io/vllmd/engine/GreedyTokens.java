package io.vllmd.engine;

import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Run by hand: what a model says on a GPU against what it says on this machine's CPU, token by token. Arguments: the
 * model's folder. An answer may part only where the CPU's two likeliest tokens are nearly as likely, since a GPU
 * computes in the checkpoint's 16-bit type. Exit status 1 where one parts elsewhere.
 */
public final class GreedyTokens {
    private static final List<String> BEGINNINGS = List.of(
            "Once upon a time there was a little",
            "The dog ran to the",
            "Lily wanted to play with",
            "One day, a big bear",
            "Tom had a red ball. He",
            "In the garden, the flowers",
            "\"Mom,\" said Ben, \"can we",
            "It was a cold day and");
    private static final int TOKENS = 64;
    private static final float LARGEST_MARGIN = 0.15f;

    private GreedyTokens() {}

    private record Token(int id, float margin) {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        Tokenizer tokenizer = Tokenizer.load(folder.resolve("tokenizer.json"));
        List<int[]> prompts = BEGINNINGS.stream().map(tokenizer::encode).toList();
        int wrong = 0;
        List<List<Token>> cpu = answers(folder, Device.CPU, prompts);
        List<List<Token>> gpu = answers(folder, Device.GPU, prompts);
        for (int i = 0; i < prompts.size(); i++) {
            int at = 0;
            while (at < TOKENS && cpu.get(i).get(at).id() == gpu.get(i).get(at).id()) {
                at++;
            }
            boolean holds = at == TOKENS || cpu.get(i).get(at).margin() < LARGEST_MARGIN;
            wrong += holds ? 0 : 1;
            System.out.printf(
                    "%s: %s%n",
                    holds ? "ok" : "FAILED",
                    at == TOKENS
                            ? "same " + TOKENS + " tokens"
                            : "parts at " + at + ", margin "
                                    + cpu.get(i).get(at).margin());
        }
        System.exit(wrong == 0 ? 0 : 1);
    }

    private static List<List<Token>> answers(Path folder, Device device, List<int[]> prompts) throws Exception {
        List<List<Token>> all = new ArrayList<>();
        try (MlxThread mlx = MlxThread.start("mlx");
                Engine engine = new Engine(mlx, EngineLimits.DEFAULT)) {
            mlx.call(() -> {
                Mlx.setDefaultDevice(device);
                return true;
            });
            LanguageModel model = ModelLoader.load(ModelFolder.open(folder), mlx, device, fraction -> {});
            Lane lane = engine.attach(model, "model");
            List<Recorder> running = new ArrayList<>();
            for (int[] prompt : prompts) {
                List<Token> made = new ArrayList<>();
                all.add(made);
                Recorder recorder = new Recorder() {
                    @Override
                    public void token(int id, @Nullable TokenLogprobs logprobs) {
                        super.token(id, logprobs);
                        float[] top = logprobs == null ? new float[] {0, 0} : logprobs.topLogprobs();
                        made.add(new Token(id, top[0] - top[1]));
                    }
                };
                running.add(recorder);
                lane.submit(
                        GenerationRequest.builder("check", prompt, TOKENS)
                                .logprobs(2)
                                .build(),
                        recorder);
            }
            running.forEach(Recorder::await);
            lane.detach().join();
            mlx.call(() -> {
                model.close();
                return true;
            });
        }
        return all;
    }
}
