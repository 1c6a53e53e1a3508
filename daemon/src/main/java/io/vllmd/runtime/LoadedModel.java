package io.vllmd.runtime;

import io.vllmd.chat.ChatMessage;
import io.vllmd.chat.ChatTemplates;
import io.vllmd.chat.guard.RepetitionGuard;
import io.vllmd.chat.guard.RepetitionMode;
import io.vllmd.chat.output.OutputPipeline;
import io.vllmd.chat.output.ReasoningFormat;
import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.config.Problem;
import io.vllmd.config.RepetitionPolicy;
import io.vllmd.engine.GenerationRequest;
import io.vllmd.engine.Lane;
import io.vllmd.engine.TokenGuide;
import io.vllmd.model.LanguageModel;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A model with all that serving it needs: text on the one side, its lane in the engine on the other.
 *
 * @param id the id it is served under
 * @param source where it came from: a folder, a repository id, or "sprout"
 * @param loadedAt seconds since the epoch
 * @param stallTimeout longest silence of the engine on a request as the settings have it now
 * @param draft the model that guesses for it, or null
 */
record LoadedModel(
        String id,
        String source,
        long loadedAt,
        Text text,
        ServingDefaults defaults,
        Supplier<Optional<Duration>> stallTimeout,
        LanguageModel weights,
        @Nullable LanguageModel draft,
        Lane lane)
        implements ServedModel {

    /** The text side: everything that works on any thread. */
    record Text(Tokenizer tokenizer, ChatTemplates templates, ReasoningFormat reasoning, Set<Integer> stopTokens) {}

    @Override
    public int contextLength() {
        return weights.description().contextLength();
    }

    @Override
    public Prompt prompt(List<ChatMessage> messages, Map<String, Object> arguments) {
        String rendered = text.templates().render(messages, true, arguments);
        int[] ids = text.tokenizer().encode(rendered);
        return new Prompt(ids, text.reasoning().isOpenAfter(ids, text.tokenizer()));
    }

    @Override
    public byte[] tokenBytes(int token) {
        return text.tokenizer().bytes(token);
    }

    @Override
    public Answer answer(Prompt prompt, AnswerOptions options) {
        int used = prompt.ids().length;
        int room = contextLength() - used;
        if (room <= 0) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "This model's maximum context length is " + contextLength()
                                    + " tokens. However, your messages resulted in " + used
                                    + " tokens, which leaves no room for an answer. Shorten the messages.",
                            "messages",
                            contextLength() + " tokens")
                    .asException();
        }
        if (used == 0) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "The chat template of " + id + " rendered these messages to an empty prompt.",
                            "messages")
                    .asException();
        }
        requireTokens("stop_token_ids", options.ending().tokens());
        OutputPipeline pipeline = new OutputPipeline(
                text.tokenizer(),
                options.ending().strings(),
                text.reasoning(),
                prompt.reasoningOpen(),
                options.logprobs() >= 0);
        TokenQueue tokens = new TokenQueue(stallTimeout.get().orElse(null));
        RunningAnswer answer = new RunningAnswer(
                tokens, pipeline, guard(options.manner().guard()).orElse(null), used);
        answer.madeBy(lane.submit(request(prompt, options, room), tokens));
        return answer;
    }

    private GenerationRequest request(Prompt prompt, AnswerOptions options, int room) {
        AnswerOptions.Ending ending = options.ending();
        AnswerOptions.Manner manner = options.manner();
        int most = Math.min(ending.maxTokens(), room);
        return GenerationRequest.builder(options.requestId(), prompt.ids(), most)
                .sampling(options.sampling())
                .minTokens(Math.min(ending.minTokens(), most))
                .stopTokens(stopTokens(ending))
                .logprobs(options.logprobs())
                .priority(manner.priority())
                .cacheScope(manner.cacheScope())
                .deterministic(manner.deterministic())
                .speculative(manner.speculative())
                .build();
    }

    /** Keeps what it saw of its answer, so that each answer has its own; empty where repetition is nobody's business. */
    private Optional<TokenGuide> guard(RepetitionPolicy policy) {
        return switch (policy) {
            case OFF -> Optional.empty();
            case SAFE -> Optional.of(new RepetitionGuard(RepetitionMode.SAFE, text.tokenizer()));
            case STRICT -> Optional.of(new RepetitionGuard(RepetitionMode.STRICT, text.tokenizer()));
        };
    }

    private Set<Integer> stopTokens(AnswerOptions.Ending ending) {
        if (ending.ignoreEos()) {
            return ending.tokens();
        }
        if (ending.tokens().isEmpty()) {
            return text.stopTokens();
        }
        Set<Integer> both = new HashSet<>(text.stopTokens());
        both.addAll(ending.tokens());
        return both;
    }

    private void requireTokens(String field, Set<Integer> ids) {
        int vocabulary = weights.description().vocabulary();
        for (int token : ids) {
            if (token < 0 || token >= vocabulary) {
                throw Problem.of(
                                Problem.Kind.INVALID,
                                field + " names token " + token + "; the tokens of " + id + " are 0 … "
                                        + (vocabulary - 1) + ".",
                                field,
                                "0 … " + (vocabulary - 1))
                        .asException();
            }
        }
    }
}
