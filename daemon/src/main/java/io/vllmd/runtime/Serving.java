package io.vllmd.runtime;

import io.vllmd.config.Places;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Settings;
import io.vllmd.engine.Engine;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.MlxThread;
import io.vllmd.runtime.StateFile.Entry;
import io.vllmd.runtime.StateFile.State;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings the models up at start: those of the command line, those of the last run, else those of the settings. */
public final class Serving {
    private static final Logger log = LoggerFactory.getLogger(Serving.class);

    private final ModelRegistry registry;
    private final StateFile stateFile;
    private final ModelLoading loading;
    private final Settings settings;

    /**
     * @param device where models run, once the library is there
     * @param sprout folder of the model that ships with vllmd
     * @param environment tells where the Hugging Face cache lies
     */
    public Serving(
            MlxThread mlx,
            CompletableFuture<Device> device,
            Engine engine,
            Settings settings,
            Places places,
            Path sprout,
            Map<String, String> environment) {
        this.settings = settings;
        this.stateFile = new StateFile(places.stateFile());
        this.loading = new ModelLoading(
                mlx,
                device,
                engine,
                sprout,
                settings.models().drafts(),
                settings.profile(),
                settings.liveEngine(),
                environment);
        this.registry = new ModelRegistry(
                loading,
                stateFile,
                new ModelNames(
                        settings.server().strictModelId(), settings.models().aliases()));
    }

    public ModelRegistry registry() {
        return registry;
    }

    /**
     * Loads what is to serve. One that fails is told and does not keep the others from serving.
     *
     * @param named models of the command line; the first becomes the default
     * @return completes when all are done, with what failed and why
     */
    public CompletableFuture<List<String>> start(List<String> named) {
        Optional<State> last = stateFile.read();
        Map<String, String> sourceById = new LinkedHashMap<>();
        for (String source : named) {
            sourceById.put(loading.idOf(source), source);
        }
        for (Entry entry : last.map(State::models).orElse(List.of())) {
            sourceById.putIfAbsent(entry.id(), entry.source());
        }
        if (last.isEmpty() && named.isEmpty()) {
            for (String source : settings.models().initial()) {
                sourceById.put(loading.idOf(source), source);
            }
        }
        String defaultId = !named.isEmpty()
                ? loading.idOf(named.getFirst())
                : last.map(State::defaultModel).orElse(null);

        // What the command line or the settings name is not remembered until it was loaded once: a wrong name
        // there must not come back at every start.
        registry.restore(
                last.map(State::models).orElse(List.of()),
                defaultId != null || last.isPresent()
                        ? defaultId
                        : sourceById.keySet().stream().findFirst().orElse(null));
        registry.profile(settings.profile().name());
        List<String> failures = new ArrayList<>();
        CompletableFuture<?>[] loads = sourceById.entrySet().stream()
                .map(model -> registry.load(
                                model.getValue(), model.getKey(), model.getKey().equals(defaultId), (stage, part) -> {})
                        .exceptionally(failure -> {
                            Throwable cause =
                                    failure.getCause() instanceof ProblemException problem ? problem : failure;
                            registry.failedAtStart(
                                    model.getKey(), model.getValue(), String.valueOf(cause.getMessage()));
                            synchronized (failures) {
                                failures.add(model.getKey() + ": " + cause.getMessage());
                            }
                            return null;
                        }))
                .toArray(CompletableFuture[]::new);
        log.info("loading {}", sourceById.keySet());
        return CompletableFuture.allOf(loads).thenApply(done -> List.copyOf(failures));
    }
}
