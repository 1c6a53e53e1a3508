package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.model.LanguageModel;

/** What a request must keep to, so that no row can fail a step for its neighbours. */
final class RequestRules {
    /** As OpenAI allows. */
    private static final int MOST_LOGPROBS = 20;

    private RequestRules() {}

    /** @throws io.vllmd.config.ProblemException INVALID, naming field, value and range */
    static void check(GenerationRequest request, LanguageModel.Description model) {
        int[] prompt = request.prompt();
        if (prompt.length == 0) {
            throw invalid("prompt", "The prompt has no tokens; at least one is needed.", ">= 1 token");
        }
        for (int i = 0; i < prompt.length; i++) {
            if (prompt[i] < 0 || prompt[i] >= model.vocabulary()) {
                throw invalid(
                        "prompt",
                        "Token " + i + " of the prompt is " + prompt[i] + "; this model's tokens are 0 … "
                                + (model.vocabulary() - 1) + ". Tokenizer and model do not belong together.",
                        "0 … " + (model.vocabulary() - 1));
            }
        }
        if (request.maxTokens() < 1) {
            throw invalid("max_tokens", "max_tokens is " + request.maxTokens() + "; it must be at least 1.", ">= 1");
        }
        if (prompt.length >= model.contextLength()) {
            throw invalid(
                    "prompt",
                    "The prompt has " + prompt.length + " tokens; the model's context of " + model.contextLength()
                            + " tokens leaves no room for an answer. Shorten the prompt.",
                    Integer.toString(model.contextLength() - 1));
        }
        if (request.minTokens() < 0 || request.minTokens() > request.maxTokens()) {
            throw invalid(
                    "min_tokens",
                    "min_tokens is " + request.minTokens() + "; it must be from 0 to max_tokens, " + request.maxTokens()
                            + ".",
                    "0 … " + request.maxTokens());
        }
        if (request.logprobs() < -1 || request.logprobs() > MOST_LOGPROBS) {
            throw invalid(
                    "top_logprobs",
                    "top_logprobs is " + request.logprobs() + "; it must be from 0 to " + MOST_LOGPROBS + ".",
                    "0 … " + MOST_LOGPROBS);
        }
        Sampling sampling = request.sampling();
        range("temperature", sampling.temperature(), sampling.temperature() >= 0, "0 or more");
        range("top_p", sampling.topP(), sampling.topP() > 0 && sampling.topP() <= 1, "more than 0, at most 1");
        range("min_p", sampling.minP(), sampling.minP() >= 0 && sampling.minP() <= 1, "0 … 1");
        range("top_k", sampling.topK(), sampling.topK() >= 0, "0 or more");
        Sampling.Penalties penalties = sampling.penalties();
        range("presence_penalty", penalties.presence(), Math.abs(penalties.presence()) <= 2, "from -2 to 2");
        range("frequency_penalty", penalties.frequency(), Math.abs(penalties.frequency()) <= 2, "from -2 to 2");
        range("repetition_penalty", penalties.repetition(), penalties.repetition() > 0, "more than 0");
        range("repetition_window", penalties.window(), penalties.window() >= 0, "0 or more");
        sampling.logitBias().forEach((id, bias) -> {
            if (id < 0 || id >= model.vocabulary()) {
                throw invalid(
                        "logit_bias",
                        "logit_bias names token " + id + "; this model's tokens are 0 … " + (model.vocabulary() - 1)
                                + ".",
                        "0 … " + (model.vocabulary() - 1));
            }
            range("logit_bias", bias, true, "finite");
        });
    }

    private static void range(String field, float value, boolean inside, String range) {
        if (!inside || !Float.isFinite(value)) {
            throw invalid(field, field + " is " + value + "; it must be " + range + ".", range);
        }
    }

    private static RuntimeException invalid(String field, String message, String range) {
        return Problem.of(Problem.Kind.INVALID, message, field, range).asException();
    }
}
