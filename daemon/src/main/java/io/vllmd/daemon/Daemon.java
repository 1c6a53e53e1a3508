package io.vllmd.daemon;

import io.vllmd.api.FrontDoor;
import io.vllmd.api.openai.OpenAiApi;
import io.vllmd.config.EngineSettings;
import io.vllmd.config.Places;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Settings;
import io.vllmd.control.ControlServer;
import io.vllmd.control.RuntimeControl;
import io.vllmd.engine.Engine;
import io.vllmd.engine.EngineLimits;
import io.vllmd.http.HttpServer;
import io.vllmd.mlx.Device;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.MlxThread;
import io.vllmd.mlx.NativeLibrary;
import io.vllmd.runtime.ModelRegistry;
import io.vllmd.runtime.Serving;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The parts of a running daemon and the order in which they start and stop. MLX, the models, the control socket
 * and HTTP come up beside each other: each takes some hundred milliseconds and none waits for another.
 */
final class Daemon implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Daemon.class);

    private final Settings settings;
    private final MlxThread mlx;
    private final Engine engine;
    private final HttpServer http;
    private final ControlServer control;
    private final CountDownLatch stopped = new CountDownLatch(1);

    private Daemon(Settings settings, MlxThread mlx, Engine engine, HttpServer http, ControlServer control) {
        this.settings = settings;
        this.mlx = mlx;
        this.engine = engine;
        this.http = http;
        this.control = control;
    }

    /**
     * Brings everything up and tells on standard output where it listens and what it serves.
     *
     * @throws ProblemException where a part cannot start; the process is to end then
     */
    static Daemon start(Places places, Settings settings, Arguments arguments) {
        log.info("starting, home {}", places.home());
        MlxThread mlx = MlxThread.start("mlx");
        CompletableFuture<Device> device = mlx.submit(() -> prepareMlx(settings.engine()));
        EngineSettings limits = settings.engine();
        Engine engine = new Engine(
                mlx,
                new EngineLimits(limits.maxBatch(), limits.queue(), limits.prefillBudget(), limits.prefillChunk()));
        Serving serving = new Serving(mlx, device, engine, settings, places, sprout(), System.getenv());
        CompletableFuture<List<String>> models = serving.start(arguments.models());
        ModelRegistry registry = serving.registry();

        // jnr takes longer to load than all the rest of the control server.
        CompletableFuture<HttpServer> bound = new CompletableFuture<>();
        CompletableFuture<ControlServer> socket = CompletableFuture.supplyAsync(
                () -> ControlServer.start(
                        places.socket(),
                        settings.control(),
                        new RuntimeControl(registry, settings, new ProcessFacts(mlx, device, bound))),
                Thread.ofPlatform().name("start-control").daemon()::start);

        OpenAiApi openAi = new OpenAiApi(registry, limits.defaultMaxTokens());
        HttpServer http =
                HttpServer.start(settings.server(), List.of(openAi, new FrontDoor(registry, openAi.errors())));
        bound.complete(http);
        Banner.listening(http.address());
        Daemon daemon = new Daemon(settings, mlx, engine, http, await(socket));
        await(device);
        Banner.serving(http.address(), registry, settings.profile(), await(models));
        return daemon;
    }

    private static Device prepareMlx(EngineSettings settings) {
        NativeLibrary.load();
        Device device = switch (settings.device()) {
            case AUTO -> Device.preferred();
            case CPU -> Device.CPU;
            case GPU -> Device.GPU;
        };
        Mlx.setDefaultDevice(device);
        Mlx.cpuThreads(settings.threads());
        return device;
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
        try {
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
