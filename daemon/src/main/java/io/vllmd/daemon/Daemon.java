package io.vllmd.daemon;

import io.vllmd.api.FrontDoor;
import io.vllmd.api.openai.OpenAiApi;
import io.vllmd.config.EngineSettings;
import io.vllmd.config.Places;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Reasons;
import io.vllmd.config.Settings;
import io.vllmd.config.Version;
import io.vllmd.control.ControlServer;
import io.vllmd.control.RuntimeControl;
import io.vllmd.engine.Engine;
import io.vllmd.engine.cache.DiskStore;
import io.vllmd.engine.memory.SystemMemory;
import io.vllmd.http.HttpServer;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.DeviceDescription;
import io.vllmd.mlx.DevicePolicy;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.mlx.NativeLibrary;
import io.vllmd.runtime.EngineTuning;
import io.vllmd.runtime.ModelRegistry;
import io.vllmd.runtime.Models;
import io.vllmd.runtime.Serving;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The parts of a running daemon and the order in which they start and stop: HTTP beside MLX's library, then the
 * models beside the control socket.
 */
final class Daemon implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Daemon.class);

    private final Settings settings;
    private final MlxThread mlx;
    private final Engine engine;
    private final HttpServer http;
    private final ControlServer control;
    private final ModelRegistry registry;
    private final CompletableFuture<List<String>> models;
    private volatile boolean stopping;
    private final CountDownLatch stopped = new CountDownLatch(1);

    private Daemon(
            Settings settings,
            MlxThread mlx,
            Engine engine,
            HttpServer http,
            ControlServer control,
            ModelRegistry registry,
            CompletableFuture<List<String>> models) {
        this.settings = settings;
        this.mlx = mlx;
        this.engine = engine;
        this.http = http;
        this.control = control;
        this.registry = registry;
        this.models = models;
    }

    /**
     * Brings everything up but the models, which load meanwhile, and tells on standard output where it listens.
     *
     * @throws ProblemException where a part cannot start; the process is to end then
     */
    static Daemon start(Places places, Settings settings, Arguments arguments) {
        log.info("starting, home {}", places.home());
        EngineSettings limits = settings.engine();
        CompletableFuture<ModelRegistry> registry = new CompletableFuture<>();
        CompletableFuture<EngineTuning> tuning = new CompletableFuture<>();
        CompletableFuture<HttpServer> http = async("start-http", () -> {
            Models models = new ComingModels(registry);
            OpenAiApi openAi = new OpenAiApi(models, settings::engine);
            FrontDoor frontDoor = new FrontDoor(
                    models,
                    openAi.errors(),
                    () -> Optional.ofNullable(tuning.getNow(null)).map(EngineTuning::figures));
            return HttpServer.start(settings.server(), List.of(openAi, frontDoor));
        });
        MlxThread mlx = MlxThread.start("mlx", (thread, e) -> log.error("work on the MLX thread failed", e));
        Engine engine = new Engine(mlx, EngineTuning.limits(limits));
        CompletableFuture<Device> device = mlx.submit(() -> {
            Device found = prepareMlx(limits, places);
            // Only now is it known how much memory the device has.
            engine.limits(EngineTuning.limits(limits));
            return found;
        });
        if (limits.diskCache() > 0) {
            engine.keepOnDisk(DiskStore.open(places.caches().resolve("kv"), limits.diskCache()));
        }
        tuning.complete(new EngineTuning(engine, settings.liveEngine()));
        Serving serving = new Serving(mlx, device, engine, settings, places, sprout(), System.getenv());
        Banner.listening(await(http).address());

        unpackJnrInto(places.caches());
        // Only now: with two cores, models that load and jnr that unpacks itself would hold up the open port.
        CompletableFuture<ControlServer> control = async(
                "start-control",
                () -> startControl(
                        places,
                        settings,
                        new RuntimeControl(
                                serving.registry(), tuning.join(), settings, new ProcessFacts(mlx, device, http))));
        CompletableFuture<List<String>> models = serving.start(arguments.models());
        registry.complete(serving.registry());
        await(device);
        return new Daemon(settings, mlx, engine, await(http), await(control), serving.registry(), models);
    }

    /** Waits for the models of the start and tells on standard output what is served. */
    void awaitModels() {
        List<String> failures = await(models);
        if (!stopping) {
            Banner.serving(http.address(), registry, settings.profile(), failures);
        }
    }

    /** jnr carries a native library in its jar and would unpack it into the system's folder for temporary files. */
    private static void unpackJnrInto(Path folder) {
        try {
            Files.createDirectories(folder);
            System.setProperty("jffi.extract.dir", folder.toString());
            System.setProperty("jffi.extract.name", "jffi-" + Version.current());
        } catch (IOException e) {
            log.warn("The folder of caches cannot be made: {}; jnr unpacks itself elsewhere", Reasons.of(e));
        }
    }

    /** The control server; its native library is unpacked at its first use. */
    private static ControlServer startControl(Places places, Settings settings, RuntimeControl control) {
        try {
            return ControlServer.start(places.socket(), settings.control(), control);
        } catch (LinkageError e) {
            throw Problem.of(
                            Problem.Kind.INTERNAL,
                            "The control socket can't be made: its native library could not be unpacked into "
                                    + places.caches() + ". Free space there, or set VLLMD_HOME to another folder.",
                            places.caches().toString())
                    .asException(e);
        }
    }

    private static <T> CompletableFuture<T> async(String thread, Supplier<T> part) {
        return CompletableFuture.supplyAsync(
                part, work -> Thread.ofPlatform().name(thread).daemon().start(work));
    }

    private static Device prepareMlx(EngineSettings settings, Places places) {
        NativeLibrary.load();
        Optional<DeviceDescription> gpu =
                settings.device() == EngineSettings.Device.CPU ? Optional.empty() : DeviceDescription.gpu();
        // Before a device is asked for, which wakes it.
        gpu.ifPresent(there -> policy(there, places).prepare());
        Device device = switch (settings.device()) {
            case AUTO -> Device.preferred();
            case CPU -> Device.CPU;
            case GPU -> Device.GPU;
        };
        Mlx.setDefaultDevice(device);
        Mlx.cpuThreads(settings.threads());
        Mlx.useFastCpuMath(
                switch (settings.cpuMath()) {
                    case AUTO -> Mlx.hasFastCpuMath();
                    case EXACT -> false;
                    case FAST -> true;
                });
        DeviceDescription description = device == Device.GPU ? gpu.orElseThrow() : DeviceDescription.cpu();
        policy(description, places).apply();
        SystemMemory.within(description.memory());
        log.info("computing on {} ({})", description.name(), description.backend());
        return device;
    }

    private static DevicePolicy policy(DeviceDescription device, Places places) {
        DevicePolicy policy = DevicePolicy.of(device);
        // Kernels compiled at run time, MLX's and ours; its own place for them is a folder that a restart empties.
        return device.backend() == DeviceDescription.Backend.CUDA
                ? policy.with(Map.of(
                        "MLX_PTX_CACHE_DIR", places.caches().resolve("kernels").toString()))
                : policy;
    }

    private static Path sprout() {
        String root = System.getProperty("vllmd.root");
        return root != null
                ? Path.of(root, "share", "sprout")
                : Path.of("daemon", "src", "main", "sprout").toAbsolutePath();
    }

    private static <T> T await(CompletableFuture<T> part) {
        try {
            return part.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw e;
        }
    }

    void awaitStop() throws InterruptedException {
        stopped.await();
    }

    /** Lets running answers finish within the limit of the settings, then ends everything. */
    @Override
    public void close() {
        log.info("stopping");
        stopping = true;
        try {
            registry.stop();
            if (!http.close(settings.server().shutdownGrace())) {
                log.warn(
                        "some answers did not finish within {}",
                        settings.server().shutdownGrace());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        control.close();
        engine.close();
        mlx.close();
        log.info("stopped");
        stopped.countDown();
    }
}
