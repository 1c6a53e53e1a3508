package io.vllmd.api.openai;

import io.vllmd.api.ErrorShape;
import io.vllmd.api.Exchange;
import io.vllmd.api.Exchange.ClientGoneException;
import io.vllmd.api.Exchange.EventStream;
import io.vllmd.chat.output.OutputEvent;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.runtime.Answer;
import io.vllmd.runtime.AnswerOptions;
import io.vllmd.runtime.Models;
import io.vllmd.runtime.ServedModel;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code POST /v1/chat/completions}. */
final class ChatCompletions {
    static final Map<String, String> JSON = Map.of("content-type", "application/json");

    private static final Logger LOG = LoggerFactory.getLogger(ChatCompletions.class);

    private final Models models;
    private final @Nullable Integer defaultMaxTokens;
    private final ErrorShape errors;

    ChatCompletions(Models models, @Nullable Integer defaultMaxTokens, ErrorShape errors) {
        this.models = models;
        this.defaultMaxTokens = defaultMaxTokens;
        this.errors = errors;
    }

    void answer(Exchange exchange) throws InterruptedException {
        ChatRequest request = ChatRequestReader.read(exchange.body(), defaultMaxTokens);
        ServedModel model = OpenAiApi.find(models, request.model());
        Answer answer = start(exchange, request, model);
        exchange.onDisconnect(answer::cancel);
        boolean complete = false;
        try {
            if (request.stream()) {
                stream(exchange, request, answer);
            } else {
                whole(exchange, request, answer);
            }
            complete = true;
        } finally {
            // Whatever broke the way to the client, nobody will read the rest.
            if (!complete) {
                answer.cancel();
            }
        }
    }

    private static Answer start(Exchange exchange, ChatRequest request, ServedModel model) {
        var prompt = model.prompt(request.messages(), request.templateArguments());
        var options = new AnswerOptions(
                exchange.id(), request.sampling().over(model.samplingDefaults()), request.maxTokens(), request.stop());
        return model.answer(prompt, options);
    }

    private static void whole(Exchange exchange, ChatRequest request, Answer answer) throws InterruptedException {
        var text = new StringBuilder();
        var reasoning = new StringBuilder();
        for (Optional<OutputEvent> next = answer.next(); next.isPresent(); next = answer.next()) {
            switch (next.get()) {
                case OutputEvent.Text piece -> text.append(piece.text());
                case OutputEvent.Reasoning piece -> reasoning.append(piece.text());
            }
        }
        if (answer.stop() == Answer.Stop.CANCELLED) {
            throw cancelled().asException();
        }
        byte[] body = new Completion(request.model()).whole(text.toString(), reasoning.toString(), answer);
        exchange.respond(200, JSON, body);
    }

    private void stream(Exchange exchange, ChatRequest request, Answer answer) throws InterruptedException {
        var chunks = new ChunkWriter(new Completion(request.model()), request.includeUsage());
        try (EventStream events = exchange.stream(Map.of())) {
            @Nullable Problem failure = send(events, chunks, answer, exchange.id());
            if (failure != null) {
                answer.cancel();
                events.send("", errors.body(ErrorShape.status(failure.kind()), failure));
            }
        }
    }

    /** Sends the answer as it comes; gives what stopped it before its end, or null where it is complete. */
    private static @Nullable Problem send(EventStream events, ChunkWriter chunks, Answer answer, String id)
            throws InterruptedException {
        try {
            events.send("", chunks.role());
            for (Optional<OutputEvent> next = answer.next(); next.isPresent(); next = answer.next()) {
                events.send("", chunks.piece(next.get()));
            }
            if (answer.stop() == Answer.Stop.CANCELLED) {
                return cancelled();
            }
            events.send("", chunks.finish(answer.stop()));
            if (chunks.includesUsage()) {
                events.send("", chunks.usage(answer));
            }
            events.send("", ChunkWriter.DONE);
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
