package io.vllmd.runtime;

import io.vllmd.chat.ChatMessage;
import io.vllmd.chat.ChatTemplates;
import io.vllmd.chat.output.OutputPipeline;
import io.vllmd.chat.output.ReasoningFormat;
import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.config.Problem;
import io.vllmd.engine.GenerationRequest;
import io.vllmd.engine.Lane;
import io.vllmd.engine.Sampling;
import io.vllmd.model.LanguageModel;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A model with all that serving it needs: text on the one side, its lane in the engine on the other.
 *
 * @param id the id it is served under
 * @param source where it came from: a folder, a repository id, or "sprout"
 * @param loadedAt seconds since the epoch
 */
record LoadedModel(
        String id, String source, long loadedAt, Text text, Sampling samplingDefaults, LanguageModel weights, Lane lane)
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
        OutputPipeline pipeline =
                new OutputPipeline(text.tokenizer(), options.stop(), text.reasoning(), prompt.reasoningOpen());
        TokenQueue tokens = new TokenQueue();
        RunningAnswer answer = new RunningAnswer(tokens, pipeline, used);
        answer.madeBy(lane.submit(
                new GenerationRequest(
                        options.requestId(),
                        prompt.ids(),
                        options.sampling(),
                        Math.min(options.maxTokens(), room),
                        text.stopTokens()),
                tokens));
        return answer;
    }
}
