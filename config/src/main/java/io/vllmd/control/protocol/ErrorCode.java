package io.vllmd.control.protocol;

import io.vllmd.config.Problem;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The errors of the protocol: JSON-RPC's own, and one for each kind of {@link Problem}. Each has the exit code
 * with which a command ends that meets it: 1 failed, 2 usage, 4 not found, 5 refused.
 */
public enum ErrorCode {
    PARSE(-32700, 1),
    INVALID_REQUEST(-32600, 1),
    METHOD_NOT_FOUND(-32601, 1),
    INVALID(-32602, 1),
    INTERNAL(-32603, 1),
    NOT_FOUND(-32001, 4),
    CONFLICT(-32002, 5),
    BUSY(-32003, 5),
    TOO_LARGE(-32004, 5),
    UNSUPPORTED(-32005, 5),
    UNAVAILABLE(-32006, 5);

    private final int code;
    private final int exit;

    ErrorCode(int code, int exit) {
        this.code = code;
        this.exit = exit;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The exit code of a command that ends with this error. */
    public int exit() {
        return exit;
    }

    public static Optional<ErrorCode> of(int code) {
        for (var error : values()) {
            if (error.code == code) {
                return Optional.of(error);
            }
        }
        return Optional.empty();
    }

    public static ErrorCode of(Problem.Kind kind) {
        return switch (kind) {
            case INVALID -> INVALID;
            case NOT_FOUND -> NOT_FOUND;
            case CONFLICT -> CONFLICT;
            case BUSY -> BUSY;
            case TOO_LARGE -> TOO_LARGE;
            case UNSUPPORTED -> UNSUPPORTED;
            case UNAVAILABLE -> UNAVAILABLE;
            case INTERNAL -> INTERNAL;
        };
    }

    /** A problem as the answer to a request; its data names kind, subject and limit. */
    public static Message.Failure answer(@Nullable Object id, Problem problem) {
        var data = new LinkedHashMap<String, Object>();
        data.put("kind", problem.kind().name().toLowerCase(Locale.ROOT));
        if (problem.subject() != null) {
            data.put("subject", problem.subject());
        }
        if (problem.limit() != null) {
            data.put("limit", problem.limit());
        }
        return new Message.Failure(id, of(problem.kind()).code, problem.message(), data);
    }
}
