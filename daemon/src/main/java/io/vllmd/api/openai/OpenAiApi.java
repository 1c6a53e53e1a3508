package io.vllmd.api.openai;

import io.vllmd.api.Api;
import io.vllmd.api.ErrorShape;
import io.vllmd.api.Exchange;
import io.vllmd.api.Route;
import io.vllmd.config.EngineSettings;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.runtime.Models;
import io.vllmd.runtime.ServedModel;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import tools.jackson.databind.node.ObjectNode;

/** The OpenAI API: chat completions and the list of models. */
public final class OpenAiApi implements Api {
    private final Models models;
    private final ChatCompletions chatCompletions;
    private final ErrorShape errors = new OpenAiErrors();

    /**
     * The API to these models.
     *
     * @param settings of the engine as they are now, asked at each request
     */
    public OpenAiApi(Models models, Supplier<EngineSettings> settings) {
        this.models = models;
        this.chatCompletions = new ChatCompletions(models, settings, errors);
    }

    @Override
    public List<Route> routes() {
        return List.of(
                new Route("POST", "/v1/chat/completions", (exchange, parameters) -> chatCompletions.answer(exchange)),
                new Route("GET", "/v1/models", (exchange, parameters) -> list(exchange)),
                new Route("GET", "/v1/models/{id...}", this::show));
    }

    @Override
    public ErrorShape errors() {
        return errors;
    }

    private void list(Exchange exchange) {
        ObjectNode root = Json.object().put("object", "list");
        var data = root.putArray("data");
        for (ServedModel model : models.all()) {
            data.add(describe(model));
        }
        exchange.respond(200, ChatCompletions.JSON, Json.bytes(root));
    }

    private void show(Exchange exchange, Map<String, String> parameters) {
        ServedModel model = find(models, Fields.sound(parameters.getOrDefault("id", "")));
        exchange.respond(200, ChatCompletions.JSON, Json.bytes(describe(model)));
    }

    /** The model of this name; a name that nobody serves is a problem of the field "model". */
    static ServedModel find(Models models, String name) {
        try {
            return models.find(name);
        } catch (ProblemException e) {
            Problem p = e.problem();
            if (p.kind() != Problem.Kind.NOT_FOUND) {
                throw e;
            }
            throw new Problem(p.kind(), p.message(), OpenAiErrors.MODEL, p.limit()).asException(e);
        }
    }

    /** Clients read the context's length under three names. */
    private static ObjectNode describe(ServedModel model) {
        return Json.object()
                .put("id", model.id())
                .put("object", "model")
                .put("created", model.loadedAt())
                .put("owned_by", "vllmd")
                .put("context_length", model.contextLength())
                .put("max_model_len", model.contextLength())
                .put("context_window", model.contextLength());
    }
}
