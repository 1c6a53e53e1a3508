package io.vllmd.config;

import org.jspecify.annotations.Nullable;

/**
 * What went wrong, told once and mapped by every surface: HTTP status and body, JSON-RPC code, exit code.
 *
 * @param kind which of the closed set of failures it is
 * @param message a sentence for a person: what happened, which value, what to do next
 * @param subject the field, setting, model or file it is about, or null
 * @param limit the bound that was broken, in words or a number, or null
 */
public record Problem(
        Kind kind,
        String message,
        @Nullable String subject,
        @Nullable String limit) {

    /** The closed set of failures. */
    public enum Kind {
        INVALID,
        NOT_FOUND,
        CONFLICT,
        BUSY,
        TOO_LARGE,
        UNSUPPORTED,
        UNAVAILABLE,
        INTERNAL
    }

    public static Problem of(Kind kind, String message) {
        return new Problem(kind, message, null, null);
    }

    public static Problem of(Kind kind, String message, String subject) {
        return new Problem(kind, message, subject, null);
    }

    public static Problem of(Kind kind, String message, String subject, String limit) {
        return new Problem(kind, message, subject, limit);
    }

    /** This problem as the exception that carries it. */
    public ProblemException asException() {
        return new ProblemException(this, null);
    }

    /** This problem as an exception, with the failure behind it for the log. */
    public ProblemException asException(Throwable cause) {
        return new ProblemException(this, cause);
    }
}
