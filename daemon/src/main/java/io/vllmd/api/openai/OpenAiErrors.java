package io.vllmd.api.openai;

import io.vllmd.api.ErrorShape;
import io.vllmd.config.Problem;
import org.jspecify.annotations.Nullable;

/** OpenAI's error object: {@code {"error": {message, type, param, code}}}. */
final class OpenAiErrors implements ErrorShape {
    /** The subject of a problem about a model's name, as request fields are called. */
    static final String MODEL = "model";

    /** The subject of a problem about a conversation that does not fit, together with a limit. */
    static final String MESSAGES = "messages";

    @Override
    public byte[] body(int status, Problem problem) {
        var root = Json.object();
        root.putObject("error")
                .put("message", problem.message())
                .put("type", type(status))
                .put("param", param(problem))
                .put("code", code(status, problem));
        return Json.bytes(root);
    }

    /** The field that is wrong; where no field is, as with a model that is busy, there is none to name. */
    private static @Nullable String param(Problem problem) {
        return switch (problem.kind()) {
            case BUSY, UNAVAILABLE, INTERNAL -> null;
            case INVALID, NOT_FOUND, CONFLICT, TOO_LARGE, UNSUPPORTED -> problem.subject();
        };
    }

    private static String type(int status) {
        return switch (status) {
            case 429 -> "rate_limit_error";
            case 403 -> "permission_error";
            default -> status >= 500 ? "server_error" : "invalid_request_error";
        };
    }

    private static @Nullable String code(int status, Problem problem) {
        return switch (problem.kind()) {
            case NOT_FOUND -> MODEL.equals(problem.subject()) ? "model_not_found" : "not_found";
            case INVALID ->
                MESSAGES.equals(problem.subject()) && problem.limit() != null ? "context_length_exceeded" : null;
            case UNSUPPORTED -> "unsupported";
            case BUSY -> "rate_limit_exceeded";
            case TOO_LARGE -> "too_large";
            case CONFLICT -> "conflict";
            case UNAVAILABLE -> "unavailable";
            case INTERNAL -> status >= 500 ? "internal_error" : null;
        };
    }
}
