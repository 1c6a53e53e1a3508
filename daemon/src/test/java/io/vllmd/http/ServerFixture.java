package io.vllmd.http;

import io.vllmd.api.Api;
import io.vllmd.api.FrontDoor;
import io.vllmd.api.openai.OpenAiApi;
import io.vllmd.config.LiveEngineSettings;
import io.vllmd.config.Places;
import io.vllmd.config.ServerSettings;
import io.vllmd.config.Settings;
import io.vllmd.control.protocol.EngineReports;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A server over {@link ScriptedModels}, on a port of its own. */
final class ServerFixture implements AutoCloseable {
    /** Longer than any test: where such a time is not what is tested, it must not end anything. */
    static final Duration LONG = Duration.ofMinutes(10);

    static final EngineReports.Figures FIGURES = new EngineReports.Figures(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0.5);

    final ScriptedModels models = new ScriptedModels();
    final HttpServer server;
    final HttpClient client = HttpClient.newHttpClient();

    /** The engine's settings, which a test may change. */
    final LiveEngineSettings engine = Settings.load(new Places(Path.of("/nowhere"), 100), Map.of(), Map.of())
            .liveEngine();

    ServerFixture() {
        this(new Limits());
    }

    ServerFixture(Limits limits) {
        server = HttpServer.start(limits.settings(0), apis());
    }

    List<Api> apis() {
        var openAi = new OpenAiApi(models, engine::current);
        return List.of(openAi, new FrontDoor(models, openAi.errors(), () -> Optional.of(FIGURES)));
    }

    /** Server settings, all out of the way but those that a test sets. */
    static final class Limits {
        int body = 1 << 20;
        int header = 8 << 10;
        int connections = 100;
        Duration headerTimeout = LONG;
        Duration bodyTimeout = LONG;
        Duration writeStall = LONG;
        Duration silence = LONG;
        List<String> origins = List.of();

        ServerSettings settings(int port) {
            return new ServerSettings(
                    "127.0.0.1",
                    port,
                    body,
                    header,
                    connections,
                    headerTimeout,
                    bodyTimeout,
                    writeStall,
                    Duration.ZERO,
                    false,
                    origins,
                    silence);
        }
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + path);
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(uri(path))
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> chat(String body) throws IOException, InterruptedException {
        return post("/v1/chat/completions", body);
    }

    RawClient connect() throws IOException {
        return new RawClient(server.port());
    }

    @Override
    public void close() {
        stop(Duration.ZERO);
    }

    /** Stops the server; gives whether all requests finished in time. */
    boolean stop(Duration grace) {
        try {
            return server.close(grace);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the server stopped", e);
        }
    }
}
