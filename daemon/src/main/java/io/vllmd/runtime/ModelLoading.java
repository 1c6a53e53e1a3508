package io.vllmd.runtime;

import io.vllmd.chat.ChatTemplates;
import io.vllmd.chat.StopTokens;
import io.vllmd.chat.output.ReasoningFormat;
import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.config.LiveEngineSettings;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Profile;
import io.vllmd.engine.Engine;
import io.vllmd.engine.GenerationRequest;
import io.vllmd.engine.KernelWarmUp;
import io.vllmd.engine.Lane;
import io.vllmd.engine.LaneOptions;
import io.vllmd.engine.Priority;
import io.vllmd.engine.Sampling;
import io.vllmd.engine.memory.SystemMemory;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.model.LanguageModel;
import io.vllmd.model.ModelLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** Loads a model whole: folder, text side, weights, lane, and a first step so that the first request is a warm one. */
final class ModelLoading implements ModelRegistry.Loader {
    /** The id and the source of the model that ships with vllmd. */
    static final String SPROUT = "sprout";

    private final MlxThread mlx;
    private final CompletableFuture<Device> device;
    private final Engine engine;
    private final Path sproutFolder;
    private final Map<String, String> drafts;
    private final Profile profile;
    private final LiveEngineSettings engineSettings;
    private final Map<String, String> environment;

    ModelLoading(
            MlxThread mlx,
            CompletableFuture<Device> device,
            Engine engine,
            Path sproutFolder,
            Map<String, String> drafts,
            Profile profile,
            LiveEngineSettings engineSettings,
            Map<String, String> environment) {
        this.mlx = mlx;
        this.device = device;
        this.engine = engine;
        this.sproutFolder = sproutFolder;
        this.drafts = drafts;
        this.profile = profile;
        this.engineSettings = engineSettings;
        this.environment = environment;
    }

    @Override
    public String idOf(String source) {
        return folder(source)
                .map(folder -> String.valueOf(folder.getFileName() == null ? folder : folder.getFileName()))
                .orElse(source);
    }

    @Override
    public String sourceOf(String source) {
        return folder(source).map(Path::toString).orElse(source);
    }

    private Optional<Path> folder(String source) {
        return source.equals(SPROUT)
                ? Optional.empty()
                : ModelFolder.asPath(source, environment).filter(Files::isDirectory);
    }

    @Override
    public LoadedModel load(String id, String source, LoadProgress progress) {
        progress.at("reading files", 0);
        try {
            return load(id, source, device.join(), progress);
        } catch (ProblemException e) {
            throw e;
        } catch (CompletionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw cause instanceof ProblemException problem ? problem : internal(id, cause);
        } catch (RuntimeException | Error e) {
            throw internal(id, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Problem.of(Problem.Kind.UNAVAILABLE, "Loading " + id + " was interrupted.", id)
                    .asException(e);
        }
    }

    private LoadedModel load(String id, String source, Device place, LoadProgress progress)
            throws InterruptedException {
        try (ModelFolder folder = open(source)) {
            int kvBits = profile.kvBits() == null ? 0 : profile.kvBits();
            new MemoryCheck(mlx, engine, SystemMemory.current()).require(id, folder, place, kvBits);
            // The text side and the weights do not need each other: a tokenizer of 10 MB takes as long to
            // read as a small model's weights.
            // A thread of its own: on a virtual one it would hold a carrier that requests run on, for as long as a
            // slow disk likes.
            CompletableFuture<LoadedModel.Text> text = CompletableFuture.supplyAsync(
                    () -> text(folder),
                    work -> Thread.ofPlatform().name("load-text-" + id).daemon().start(work));
            LanguageModel weights =
                    ModelLoader.load(folder, mlx, place, fraction -> progress.at("loading weights", 0.95 * fraction));
            @Nullable LanguageModel draft = null;
            @Nullable Lane lane = null;
            try {
                LoadedModel.Text ready = text.join();
                ServingDefaults defaults = defaults(folder.root());
                draft = draft(id, ready.tokenizer(), place, progress);
                progress.at("warming up", 0.95);
                LaneOptions options = options(folder, kvBits, draft);
                if (place == Device.GPU) {
                    KernelWarmUp.run(mlx, weights, options.kvBits());
                    if (draft != null) {
                        KernelWarmUp.run(mlx, draft, 0);
                    }
                }
                lane = engine.attach(weights, id, options);
                progress.at("warming up", 0.97);
                warmUp(lane, weights);
                progress.at("serving", 1);
                return new LoadedModel(
                        id,
                        source,
                        System.currentTimeMillis() / 1000,
                        ready,
                        defaults,
                        this::stallTimeout,
                        weights,
                        draft,
                        lane);
            } catch (Throwable failure) {
                free(lane, weights, draft);
                throw failure;
            }
        }
    }

    private ModelFolder open(String source) {
        return source.equals(SPROUT) ? ModelFolder.open(sproutFolder) : ModelFolder.resolve(source, environment);
    }

    /** The model that the settings name to guess for this one. */
    private @Nullable LanguageModel draft(String id, Tokenizer tokenizer, Device place, LoadProgress progress)
            throws InterruptedException {
        String source = drafts.get(id);
        if (source == null) {
            return null;
        }
        progress.at("loading the draft model", 0.95);
        try (ModelFolder folder = open(source)) {
            new MemoryCheck(mlx, engine, SystemMemory.current()).require(source, folder, place, 0);
            if (!Tokenizer.load(folder.root().resolve("tokenizer.json")).hasTokensOf(tokenizer)) {
                throw Problem.of(
                                Problem.Kind.INVALID,
                                "The draft model " + source + " cannot guess for " + id
                                        + ": its tokens are not the same. Name another one in models.drafts, or none.",
                                source)
                        .asException();
            }
            return ModelLoader.load(folder, mlx, place, fraction -> {});
        }
    }

    private LaneOptions options(ModelFolder folder, int kvBits, @Nullable LanguageModel draft) {
        // Its identity is read from samples of the weights, which is only worth it where it is needed.
        String identity = engine.keepsOnDisk() ? folder.identity() : "";
        return new LaneOptions(kvBits, identity, draft);
    }

    private static ProblemException internal(String id, Throwable failure) {
        return Problem.of(Problem.Kind.INTERNAL, "Loading " + id + " failed: " + failure.getMessage(), id)
                .asException(failure);
    }

    private static LoadedModel.Text text(ModelFolder folder) {
        Path root = folder.root();
        Tokenizer tokenizer = Tokenizer.load(root.resolve("tokenizer.json"));
        return new LoadedModel.Text(
                tokenizer, ChatTemplates.load(root), ReasoningFormat.of(tokenizer), StopTokens.of(root, tokenizer));
    }

    private ServingDefaults defaults(Path folder) {
        return new ServingDefaults(
                SamplingDefaults.of(folder, profile.sampling()),
                profile.deterministic(),
                Priority.valueOf(profile.priority().name()),
                profile.repetitionGuard());
    }

    private Optional<Duration> stallTimeout() {
        return Optional.ofNullable(
                profile.timeout() != null
                        ? profile.timeout()
                        : engineSettings.current().stallTimeout());
    }

    /** One short answer: kernels are chosen, buffers exist, and the code that serves is compiled. */
    private static void warmUp(Lane lane, LanguageModel weights) throws InterruptedException {
        int[] prompt = new int[Math.min(16, weights.description().contextLength() / 2)];
        TokenQueue tokens = new TokenQueue(null);
        lane.submit(new GenerationRequest("warm-up", prompt, Sampling.GREEDY, 4, Set.of()), tokens);
        while (!tokens.take().isEnd()) {
            // only that it ends matters
        }
    }

    @Override
    public int close(LoadedModel model, Duration drain) {
        int cancelled = model.lane().drain(drain);
        free(model.lane(), model.weights(), model.draft());
        return cancelled;
    }

    /** The lane first: its steps read the weights. Then the system gets back what the allocator would keep. */
    private void free(@Nullable Lane lane, LanguageModel weights, @Nullable LanguageModel draft) {
        if (lane != null) {
            lane.detach().join();
        }
        mlx.call(() -> {
            weights.close();
            if (draft != null) {
                draft.close();
            }
            Mlx.clearCache();
            return true;
        });
    }
}
