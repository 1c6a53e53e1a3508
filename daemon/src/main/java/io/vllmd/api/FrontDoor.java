package io.vllmd.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.control.protocol.EngineReports;
import io.vllmd.control.protocol.Json;
import io.vllmd.runtime.Models;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/** What belongs to no wire format: a word for whoever opens the address by hand, and the health of the daemon. */
public final class FrontDoor implements Api {
    private static final Pattern AUTHORITY = Pattern.compile("[A-Za-z0-9.:\\[\\]-]{1,255}");

    private final Models models;
    private final ErrorShape errors;
    private final Supplier<Optional<EngineReports.Figures>> engine;

    /**
     * The front door to these models, which tells failures as {@code errors} does.
     *
     * @param engine what the engine did, empty before it is there
     */
    public FrontDoor(Models models, ErrorShape errors, Supplier<Optional<EngineReports.Figures>> engine) {
        this.models = models;
        this.errors = errors;
        this.engine = engine;
    }

    @Override
    public List<Route> routes() {
        return List.of(
                new Route("GET", "/", (exchange, parameters) -> welcome(exchange)),
                new Route("GET", "/health", (exchange, parameters) -> health(exchange)));
    }

    @Override
    public ErrorShape errors() {
        return errors;
    }

    private static void welcome(Exchange exchange) {
        String host = exchange.header("host");
        String authority = AUTHORITY.matcher(host).matches() ? host : "127.0.0.1:8000";
        String text = """
                This is vllmd: language models on this machine, over the OpenAI API. Try:

                curl http://%s/v1/chat/completions -H 'Content-Type: application/json' \\
                  -d '{"model": "default", "messages": [{"role": "user", "content": "Tell me a story."}]}'
                """.formatted(authority);
        exchange.respond(200, Map.of("content-type", "text/plain; charset=utf-8"), text.getBytes(UTF_8));
    }

    private void health(Exchange exchange) {
        int loaded = models.all().size();
        var health = new LinkedHashMap<String, Object>();
        health.put("status", "ok");
        health.put("model_loaded", loaded > 0);
        health.put("models", loaded);
        engine.get().ifPresent(figures -> health.put("engine", figures.tree()));
        exchange.respond(200, Map.of("content-type", "application/json"), Json.write(health));
    }
}
