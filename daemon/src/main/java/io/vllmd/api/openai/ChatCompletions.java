package io.vllmd.api.openai;

import io.vllmd.api.CacheScopes;
import io.vllmd.api.ErrorShape;
import io.vllmd.api.Exchange;
import io.vllmd.api.Exchange.ClientGoneException;
import io.vllmd.api.Exchange.EventStream;
import io.vllmd.chat.output.OutputEvent;
import io.vllmd.config.EngineSettings;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.runtime.Answer;
import io.vllmd.runtime.AnswerOptions;
import io.vllmd.runtime.Models;
import io.vllmd.runtime.ServedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code POST /v1/chat/completions}. */
final class ChatCompletions {
    static final Map<String, String> JSON = Map.of("content-type", "application/json");

    private static final Logger LOG = LoggerFactory.getLogger(ChatCompletions.class);

    private final Models models;
    private final Supplier<EngineSettings> settings;
    private final ErrorShape errors;

    ChatCompletions(Models models, Supplier<EngineSettings> settings, ErrorShape errors) {
        this.models = models;
        this.settings = settings;
        this.errors = errors;
    }

    void answer(Exchange exchange) throws InterruptedException {
        EngineSettings now = settings.get();
        ChatRequest request = ChatRequestReader.read(exchange.body(), now.defaultMaxTokens());
        ServedModel model = OpenAiApi.find(models, request.model());
        boolean complete = false;
        try (Choices choices = start(exchange, request, model, now)) {
            exchange.onDisconnect(choices::cancel);
            try {
                if (request.stream()) {
                    stream(exchange, request, model, choices);
                } else {
                    whole(exchange, request, model, choices);
                }
                complete = true;
            } finally {
                // Whatever broke the way to the client, nobody will read the rest.
                if (!complete) {
                    choices.cancel();
                }
            }
        }
    }

    private static Choices start(Exchange exchange, ChatRequest request, ServedModel model, EngineSettings now) {
        var prompt = model.prompt(request.messages(), request.templateArguments());
        AnswerOptions options = request.options(
                exchange.id(),
                model.defaults(),
                now.frequencyPenalty(),
                CacheScopes.scopeOf(exchange, now.cacheIsolation()));
        List<Answer> answers = new ArrayList<>(request.choices());
        try {
            for (int choice = 0; choice < request.choices(); choice++) {
                answers.add(model.answer(prompt, options.choice(choice)));
            }
            return new Choices(answers);
        } catch (RuntimeException e) {
            answers.forEach(Answer::cancel);
            throw e;
        }
    }

    private static @Nullable ScoredTokens scored(ChatRequest request, ServedModel model) {
        return request.logprobs() < 0 ? null : new ScoredTokens(model::tokenBytes);
    }

    private static void whole(Exchange exchange, ChatRequest request, ServedModel model, Choices choices)
            throws InterruptedException {
        List<Completion.Text> texts = new ArrayList<>();
        for (int choice = 0; choice < request.choices(); choice++) {
            texts.add(new Completion.Text());
        }
        for (Optional<Choices.Event> next = choices.next(); next.isPresent(); next = choices.next()) {
            OutputEvent piece = next.get().piece();
            if (piece != null) {
                texts.get(next.get().choice()).add(piece);
            }
        }
        if (choices.anyCancelled()) {
            throw cancelled().asException();
        }
        byte[] body = new Completion(request.model()).whole(texts, choices.answers(), scored(request, model));
        exchange.respond(200, JSON, body);
    }

    private void stream(Exchange exchange, ChatRequest request, ServedModel model, Choices choices)
            throws InterruptedException {
        var completion = new Completion(request.model());
        ScoredTokens scored = scored(request, model);
        List<ChunkWriter> writers = new ArrayList<>();
        for (int choice = 0; choice < request.choices(); choice++) {
            writers.add(new ChunkWriter(completion, choice, request.includeUsage(), scored));
        }
        try (EventStream events = exchange.stream(Map.of())) {
            @Nullable Problem failure = send(events, writers, choices, exchange.id());
            if (failure != null) {
                choices.cancel();
                events.send("", errors.body(ErrorShape.status(failure.kind()), failure));
                return;
            }
            if (request.includeUsage()) {
                events.send("", ChunkWriter.usage(completion, choices.answers()));
            }
            events.send("", ChunkWriter.DONE);
        }
    }

    /** Sends the answers as they come; gives what stopped one before its end, or null where all are complete. */
    private static @Nullable Problem send(EventStream events, List<ChunkWriter> writers, Choices choices, String id)
            throws InterruptedException {
        try {
            for (ChunkWriter writer : writers) {
                events.send("", writer.role());
            }
            for (Optional<Choices.Event> next = choices.next(); next.isPresent(); next = choices.next()) {
                ChunkWriter writer = writers.get(next.get().choice());
                OutputEvent piece = next.get().piece();
                if (piece != null) {
                    events.send("", writer.piece(piece));
                    continue;
                }
                Answer ended = choices.answers().get(next.get().choice());
                if (ended.stop() == Answer.Stop.CANCELLED) {
                    return cancelled();
                }
                events.send("", writer.finish(ended));
            }
            return null;
        } catch (ProblemException e) {
            LOG.warn("The stream of an answer broke: {}", e.getMessage(), e.getCause());
            return e.problem();
        } catch (ClientGoneException e) {
            throw e;
        } catch (RuntimeException e) {
            LOG.error("The stream of an answer broke", e);
            return Problem.of(
                    Problem.Kind.INTERNAL,
                    "The server failed while it made this answer; its log tells more under request %s.".formatted(id));
        }
    }

    private static Problem cancelled() {
        return Problem.of(
                Problem.Kind.UNAVAILABLE,
                "The answer was stopped before its end: its model was unloaded or the server is stopping. Ask again.");
    }
}
