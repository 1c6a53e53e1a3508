package io.vllmd.control;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Profile;
import io.vllmd.config.Settings;
import io.vllmd.config.Version;
import io.vllmd.control.protocol.Calls;
import io.vllmd.control.protocol.EngineReports;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ModelReports;
import io.vllmd.control.protocol.ProfileReports;
import io.vllmd.control.protocol.Reports;
import io.vllmd.runtime.EngineTuning;
import io.vllmd.runtime.ModelLine;
import io.vllmd.runtime.ModelRegistry;
import io.vllmd.runtime.ServedModel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** What each control method does. */
public final class RuntimeControl implements ControlHandler {

    /** What is told of the process, beside its models. */
    public interface Facts {
        String url();

        String device();

        String mlxVersion();

        Reports.Status.Memory memory();
    }

    private final ModelRegistry registry;
    private final EngineTuning engine;
    private final Settings settings;
    private final Facts facts;
    private final long startedNanos = System.nanoTime();

    public RuntimeControl(ModelRegistry registry, EngineTuning engine, Settings settings, Facts facts) {
        this.registry = registry;
        this.engine = engine;
        this.settings = settings;
        this.facts = facts;
    }

    @Override
    public Map<String, Object> handle(String method, Map<String, Object> params, Progress progress, Peer peer) {
        return switch (method) {
            case Methods.VERSION -> version();
            case Methods.STATUS -> status();
            case Methods.PS -> new ModelReports.Models(models()).tree();
            case Methods.MODELS -> served();
            case Methods.LOAD -> load(Calls.Load.from(params), progress);
            case Methods.UNLOAD -> unload(Calls.Unload.from(params));
            case Methods.SWITCH -> switchDefault(Calls.Switch.from(params));
            case Methods.PROFILE_LIST -> profiles();
            case Methods.PROFILE_SHOW -> profile(Calls.ShowProfile.from(params));
            case Methods.LIMITS -> limits(Calls.Limits.from(params));
            default ->
                throw Problem.of(
                                Problem.Kind.UNSUPPORTED,
                                "This daemon has no method '" + method + "'. It has: " + String.join(", ", Methods.ALL)
                                        + ".",
                                method)
                        .asException();
        };
    }

    private Map<String, Object> version() {
        return new Reports.Version(
                        Version.current(),
                        Methods.PROTOCOL,
                        facts.mlxVersion(),
                        ProcessHandle.current().pid())
                .tree();
    }

    private Map<String, Object> status() {
        Profile profile = settings.profile();
        List<ModelReports.Model> models = models();
        List<String> notices = new ArrayList<>();
        registry.stateProblem().ifPresent(problem -> notices.add(problem.message()));
        for (ModelReports.Model model : models) {
            if (model.state() == ModelReports.State.FAILED) {
                notices.add(model.id() + " is not loaded: " + model.detail() + " (`vllmctl load " + model.source()
                        + "` tries again, `vllmctl unload " + model.id() + "` forgets it)");
            }
        }
        boolean degraded = !notices.isEmpty();
        if (models.isEmpty()) {
            notices.add("No model is loaded; load one with `vllmctl load MODEL`.");
        }
        for (Profile.NotInForce part : profile.notInForce()) {
            notices.add("profile " + profile.name() + ", " + part.setting() + " is not in force: " + part.reason());
        }
        return new Reports.Status(
                        Version.current(),
                        Methods.PROTOCOL,
                        ProcessHandle.current().pid(),
                        Duration.ofNanos(System.nanoTime() - startedNanos).toSeconds(),
                        facts.url(),
                        facts.device(),
                        profile.name(),
                        registry.defaultModel().orElse(null),
                        facts.memory(),
                        engine.figures(),
                        models,
                        notices,
                        degraded)
                .tree();
    }

    private List<ModelReports.Model> models() {
        return registry.lines().stream().map(this::report).toList();
    }

    private ModelReports.Model report(ModelLine line) {
        ModelLine.@Nullable Running running = line.running();
        String detail = line.phase() == ModelLine.Phase.LOADING
                ? "%s, %d %%".formatted(line.stage(), Math.round(line.fraction() * 100))
                : line.stage();
        return new ModelReports.Model(
                line.id(),
                ModelReports.State.valueOf(line.phase().name()),
                line.isDefault(),
                line.source(),
                running == null ? "" : running.description().architecture(),
                running == null ? "" : running.description().quantization(),
                running == null ? 0 : running.description().contextLength(),
                running == null ? 0 : running.description().weightBytes(),
                running == null ? EngineReports.Figures.NONE : engine.figures(running.stats()),
                running == null ? 0 : running.loadedAt(),
                detail);
    }

    private Map<String, Object> served() {
        String defaultId = registry.defaultModel().orElse("");
        List<ModelReports.Served.ServedModel> served = new ArrayList<>();
        for (ServedModel model : registry.all()) {
            boolean isDefault = model.id().equals(defaultId);
            List<String> aliases = new ArrayList<>();
            if (!settings.server().strictModelId()) {
                settings.models().aliases().forEach((alias, id) -> {
                    if (id.equals(model.id())) {
                        aliases.add(alias);
                    }
                });
                if (isDefault) {
                    aliases.add("default");
                }
            }
            served.add(new ModelReports.Served.ServedModel(model.id(), isDefault, aliases, model.contextLength()));
        }
        return new ModelReports.Served(served).tree();
    }

    private Map<String, Object> load(Calls.Load call, Progress progress) {
        long from = System.nanoTime();
        CompletableFuture<ServedModel> load = registry.load(
                call.model(),
                call.name(),
                call.makeDefault(),
                (stage, fraction) -> progress.report(
                        Methods.LOAD_PROGRESS, new ModelReports.LoadProgress(call.model(), stage, fraction).tree()));
        boolean already = load.isDone() && !load.isCompletedExceptionally();
        ServedModel model = await(load);
        return new ModelReports.Loaded(
                        model.id(),
                        registry.defaultModel().map(model.id()::equals).orElse(false),
                        already,
                        (System.nanoTime() - from) / 1e9)
                .tree();
    }

    private static <T> T await(CompletableFuture<T> future) {
        try {
            return future.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof ProblemException problem) {
                throw problem;
            }
            throw e;
        }
    }

    private Map<String, Object> unload(Calls.Unload call) {
        ModelRegistry.Unloaded unloaded = registry.unload(
                call.model(), call.force() ? Duration.ZERO : settings.models().drainTimeout());
        return new ModelReports.Unloaded(unloaded.model(), unloaded.cancelled(), unloaded.wasDefault()).tree();
    }

    private Map<String, Object> switchDefault(Calls.Switch call) {
        String previous = registry.switchDefault(call.model()).orElse(null);
        return new ModelReports.Switched(registry.defaultModel().orElse(call.model()), previous).tree();
    }

    private Map<String, Object> profiles() {
        return new ProfileReports.ProfileList(
                        settings.profile().name(),
                        settings.profiles().all().stream()
                                .map(profile -> new ProfileReports.ProfileList.Summary(
                                        profile.name(),
                                        profile.description(),
                                        profile.notInForce().isEmpty()))
                                .toList())
                .tree();
    }

    private Map<String, Object> profile(Calls.ShowProfile call) {
        Profile profile = settings.profiles().find(call.name());
        return ProfileReports.ProfileDetail.of(
                        profile, profile.name().equals(settings.profile().name()))
                .tree();
    }

    private Map<String, Object> limits(Calls.Limits call) {
        List<String> changed = engine.change(call.set());
        return new EngineReports.Limits(engine.live(), changed).tree();
    }
}
