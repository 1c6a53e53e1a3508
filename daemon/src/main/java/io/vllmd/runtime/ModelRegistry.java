package io.vllmd.runtime;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.runtime.ModelLine.Phase;
import io.vllmd.runtime.ModelLine.Running;
import io.vllmd.runtime.StateFile.Entry;
import io.vllmd.runtime.StateFile.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is loaded, what is loading and which model is the default. Every change is written to disk; a disk that
 * refuses turns into a warning on the answer, since the change itself holds.
 */
public final class ModelRegistry implements Models {
    private static final Logger log = LoggerFactory.getLogger(ModelRegistry.class);
    private static final Duration STOP_WAIT = Duration.ofSeconds(2);

    /** Makes and unmakes models; the registry knows only when. */
    interface Loader {
        /** Loads on the calling thread; frees everything where it fails. */
        LoadedModel load(String id, String source, LoadProgress progress);

        /**
         * Ends a model: no new answers, running ones get the time given, then its memory is freed.
         *
         * @return requests that did not finish in that time
         */
        int close(LoadedModel model, Duration drain);

        /** The id that a source is served under where none was given. */
        String idOf(String source);

        /** The source as it means the same in another working folder. */
        String sourceOf(String source);
    }

    /** A load that runs, and everybody who listens to it. */
    private static final class Load {
        final String source;
        final CompletableFuture<LoadedModel> done = new CompletableFuture<>();
        final List<LoadProgress> listeners = new CopyOnWriteArrayList<>();
        volatile String stage = "waiting";
        volatile double fraction;
        volatile boolean makeDefault;

        @Nullable
        Thread thread;

        Load(String source) {
            this.source = source;
        }

        void at(String stage, double fraction) {
            this.stage = stage;
            this.fraction = fraction;
            for (LoadProgress listener : listeners) {
                listener.at(stage, fraction);
            }
        }
    }

    /**
     * A model that was unloaded.
     *
     * @param cancelled requests that did not finish in time
     */
    public record Unloaded(String model, int cancelled, boolean wasDefault) {}

    /** A model that is asked for and not there; {@code kept} ones stay in the state on disk. */
    private record Missing(String source, String why, boolean kept) {}

    private record View(
            Map<String, LoadedModel> serving, @Nullable String defaultId) {}

    private final Loader loader;
    private final StateFile stateFile;
    private final ModelNames names;
    private final Object lock = new Object();
    private boolean stopping;
    /** For requests, which must not wait while a change is synced to disk under the lock. */
    private volatile View view = new View(Map.of(), null);

    private final Map<String, LoadedModel> serving = new LinkedHashMap<>();
    private final Map<String, LoadedModel> draining = new LinkedHashMap<>();
    private final Map<String, Load> loading = new LinkedHashMap<>();
    /** Models of the last run that are not back yet, or could not be loaded, with why: they stay in the state. */
    private final Map<String, Missing> missing = new LinkedHashMap<>();

    private @Nullable String defaultId;
    private @Nullable String profile;
    private @Nullable Problem stateProblem;

    ModelRegistry(Loader loader, StateFile stateFile, ModelNames names) {
        this.loader = loader;
        this.stateFile = stateFile;
        this.names = names;
    }

    /**
     * What the last run left: these models stay in the state until they are unloaded, even where they cannot be
     * loaded now (a disk that is not there yet), and the default keeps its name.
     */
    void restore(List<Entry> models, @Nullable String defaultModel) {
        synchronized (lock) {
            models.forEach(entry -> missing.put(entry.id(), new Missing(entry.source(), "not loaded yet", true)));
            defaultId = defaultModel;
            view = new View(Map.of(), defaultModel);
        }
    }

    /** A model that the command line or the settings named could not be loaded; told until it is, or is unloaded. */
    void failedAtStart(String id, String source, String why) {
        synchronized (lock) {
            missing.putIfAbsent(id, new Missing(source, why, false));
        }
    }

    /** Names the profile that is written with the state. */
    public void profile(@Nullable String name) {
        synchronized (lock) {
            profile = name;
        }
    }

    @Override
    public ServedModel find(String name) {
        View now = view;
        return names.find(name, now.serving(), now.defaultId());
    }

    @Override
    public List<ServedModel> all() {
        View now = view;
        List<ServedModel> all = new ArrayList<>(now.serving().values());
        all.sort((a, b) -> Boolean.compare(b.id().equals(now.defaultId()), a.id().equals(now.defaultId())));
        return all;
    }

    /**
     * Loads a model, or joins the load of it that runs already; returns at once.
     *
     * @param given a folder, a repository id, or "sprout"
     * @param name the id to serve it under, or null for the source's own
     * @param makeDefault whether it becomes the default; the first model does in any case
     * @return completes when the model serves, or with the {@code ProblemException} that tells why not
     */
    public CompletableFuture<ServedModel> load(
            String given, @Nullable String name, boolean makeDefault, LoadProgress progress) {
        try {
            requireWord("model", given);
            return begin(loader.sourceOf(given), name, makeDefault, progress);
        } catch (ProblemException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<ServedModel> begin(
            String source, @Nullable String name, boolean makeDefault, LoadProgress progress) {
        String id = name != null ? name : loader.idOf(source);
        requireWord("name", id);
        if (id.equals(ModelNames.DEFAULT)) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "No model can be named 'default': that names whichever is the default one."
                                    + " Choose another name with --name.",
                            "name")
                    .asException();
        }
        Load load;
        synchronized (lock) {
            if (stopping) {
                throw Problem.of(Problem.Kind.UNAVAILABLE, "The daemon is stopping; it loads no more models.", id)
                        .asException();
            }
            LoadedModel present = serving.get(id);
            if (present != null) {
                requireSameSource(id, present.source(), source);
                if (makeDefault) {
                    defaultId = id;
                    changed();
                }
                progress.at("serving", 1);
                return CompletableFuture.completedFuture(present);
            }
            if (draining.containsKey(id)) {
                throw Problem.of(
                                Problem.Kind.CONFLICT,
                                "The model '" + id + "' is being unloaded; load it again when `vllmctl ps` no longer"
                                        + " lists it, or unload it with --force.",
                                id)
                        .asException();
            }
            Load running = loading.get(id);
            if (running != null) {
                requireSameSource(id, running.source, source);
                running.listeners.add(progress);
                running.makeDefault |= makeDefault;
                return running.done.thenApply(model -> model);
            }
            load = new Load(source);
            load.makeDefault = makeDefault;
            load.listeners.add(progress);
            loading.put(id, load);
            load.thread = Thread.ofPlatform().name("load-" + id).daemon().start(() -> run(id, load));
        }
        return load.done.thenApply(model -> model);
    }

    /** Names of models stand in logs, tables and paths. */
    private static void requireWord(String what, String value) {
        if (value.isBlank() || value.chars().anyMatch(Character::isISOControl)) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "The " + what + " of a model must be text without control characters; '"
                                    + value.replaceAll("\\p{Cntrl}", "?") + "' is not.",
                            what)
                    .asException();
        }
    }

    private static void requireSameSource(String id, String present, String asked) {
        if (!present.equals(asked)) {
            throw Problem.of(
                            Problem.Kind.CONFLICT,
                            "A model '" + id + "' from " + present
                                    + " is there already. Unload it first (`vllmctl unload " + id
                                    + "`), or give the new one another name with --name.",
                            id)
                    .asException();
        }
    }

    // A load's failure of any kind belongs to whoever asked for it.
    @SuppressWarnings("CatchingUnchecked")
    private void run(String id, Load load) {
        try {
            LoadedModel model = loader.load(id, load.source, load::at);
            synchronized (lock) {
                loading.remove(id);
                missing.remove(id);
                serving.put(id, model);
                if (load.makeDefault || defaultId == null) {
                    defaultId = id;
                }
                changed();
            }
            log.info("loaded {} from {}: {}", id, load.source, model.weights().description());
            load.done.complete(model);
        } catch (Throwable failure) {
            synchronized (lock) {
                loading.remove(id);
                if (id.equals(defaultId) && !missing.containsKey(id)) {
                    defaultId = null;
                    view = new View(view.serving(), null);
                }
                missing.computeIfPresent(
                        id, (key, old) -> new Missing(old.source(), String.valueOf(failure.getMessage()), old.kept()));
            }
            if (failure instanceof ProblemException e && e.problem().kind() != Problem.Kind.INTERNAL) {
                log.warn("loading {} from {} failed: {}", id, load.source, e.getMessage());
            } else {
                log.error("loading {} from {} failed: {}", id, load.source, failure.getMessage(), failure);
            }
            load.done.completeExceptionally(failure);
        }
    }

    /**
     * Unloads a model: new requests no longer find it, running ones finish within {@code drain}, then its
     * memory is freed. Returns when that is done.
     *
     * @param drain zero ends running requests at once
     */
    public Unloaded unload(String name, Duration drain) {
        LoadedModel model;
        boolean wasDefault = false;
        synchronized (lock) {
            if (loading.containsKey(name)) {
                throw Problem.of(
                                Problem.Kind.CONFLICT,
                                "The model '" + name + "' is still loading; unload it when it serves.",
                                name)
                        .asException();
            }
            if (missing.remove(name) != null && !serving.containsKey(name)) {
                wasDefault = name.equals(defaultId);
                if (wasDefault) {
                    defaultId = null;
                }
                changed();
                return new Unloaded(name, 0, wasDefault);
            }
            LoadedModel held = draining.get(name);
            if (held != null && drain.isZero()) {
                model = held; // --force on one that drains: its running answers end now
            } else if (held != null) {
                throw Problem.of(
                                Problem.Kind.CONFLICT,
                                "The model '" + name + "' is being unloaded already; --force ends its running answers.",
                                name)
                        .asException();
            } else {
                model = names.exact(name, serving, defaultId);
                serving.remove(model.id());
                draining.put(model.id(), model);
                wasDefault = model.id().equals(defaultId);
                if (wasDefault) {
                    defaultId = null;
                }
                changed();
            }
        }
        int cancelled;
        try {
            cancelled = loader.close(model, drain);
        } finally {
            synchronized (lock) {
                draining.remove(model.id());
            }
        }
        log.info("unloaded {}, {} requests cancelled", model.id(), cancelled);
        return new Unloaded(model.id(), cancelled, wasDefault);
    }

    /**
     * Takes no more loads and ends those that run, each at its next tensor; waits a moment for them to free what they
     * made. The state on disk stays as it is, so that all comes back at the next start.
     */
    public void stop() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        synchronized (lock) {
            stopping = true;
            for (Load load : loading.values()) {
                if (load.thread != null) {
                    threads.add(load.thread);
                }
            }
        }
        threads.forEach(Thread::interrupt);
        for (Thread thread : threads) {
            thread.join(STOP_WAIT);
        }
    }

    /** Makes a loaded model the one that "default" names; returns what it named before. */
    public Optional<String> switchDefault(String name) {
        synchronized (lock) {
            String previous = defaultId;
            defaultId = names.exact(name, serving, defaultId).id();
            changed();
            return Optional.ofNullable(previous);
        }
    }

    /** What serves, drains and loads, the default first. */
    public List<ModelLine> lines() {
        synchronized (lock) {
            List<ModelLine> lines = new ArrayList<>();
            addLines(lines, serving.values(), Phase.SERVING);
            addLines(lines, draining.values(), Phase.DRAINING);
            loading.forEach((id, load) ->
                    lines.add(new ModelLine(id, load.source, null, Phase.LOADING, load.stage, load.fraction, false)));
            missing.forEach((id, gone) -> {
                if (!loading.containsKey(id)) {
                    lines.add(
                            new ModelLine(id, gone.source(), null, Phase.FAILED, gone.why(), 0, id.equals(defaultId)));
                }
            });
            lines.sort((a, b) -> Boolean.compare(b.isDefault(), a.isDefault()));
            return lines;
        }
    }

    private void addLines(List<ModelLine> lines, Collection<LoadedModel> models, Phase phase) {
        for (LoadedModel model : models) {
            Running running =
                    new Running(model.weights().description(), model.lane().stats(), model.loadedAt());
            lines.add(new ModelLine(
                    model.id(),
                    model.source(),
                    running,
                    phase,
                    "",
                    1,
                    model.id().equals(defaultId)));
        }
    }

    /** The default model's id. */
    public Optional<String> defaultModel() {
        synchronized (lock) {
            return Optional.ofNullable(defaultId);
        }
    }

    /** Why the last change could not be written to disk; empty when it was. */
    public Optional<Problem> stateProblem() {
        synchronized (lock) {
            return Optional.ofNullable(stateProblem);
        }
    }

    /** Called with the lock held, so that states reach the disk in the order of the changes. */
    private void changed() {
        view = new View(Collections.unmodifiableMap(new LinkedHashMap<>(serving)), defaultId);
        List<Entry> entries = new ArrayList<>();
        serving.values().forEach(model -> entries.add(new Entry(model.id(), model.source())));
        missing.forEach((id, gone) -> {
            if (gone.kept()) {
                entries.add(new Entry(id, gone.source()));
            }
        });
        try {
            stateFile.write(new State(entries, defaultId, profile));
            stateProblem = null;
        } catch (ProblemException e) {
            stateProblem = e.problem();
            log.error("{}", e.problem().message(), e.getCause());
        }
    }
}
