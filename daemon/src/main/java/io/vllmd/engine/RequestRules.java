package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.model.LanguageModel;

/** What a request must keep to, so that no row can fail a step for its neighbours. */
final class RequestRules {

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
        if ((long) prompt.length + request.maxTokens() > model.contextLength()) {
            throw invalid(
                    "max_tokens",
                    "The prompt's " + prompt.length + " tokens and " + request.maxTokens()
                            + " tokens of answer exceed the model's context of " + model.contextLength()
                            + " tokens; shorten one of them.",
                    Integer.toString(model.contextLength()));
        }
        Sampling sampling = request.sampling();
        range("temperature", sampling.temperature(), sampling.temperature() >= 0, "0 or more");
        range("top_p", sampling.topP(), sampling.topP() > 0 && sampling.topP() <= 1, "more than 0, at most 1");
        range("min_p", sampling.minP(), sampling.minP() >= 0 && sampling.minP() <= 1, "0 … 1");
        range("top_k", sampling.topK(), sampling.topK() >= 0, "0 or more");
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
