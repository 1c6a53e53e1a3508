package io.vllmd.ctl;

import org.jspecify.annotations.Nullable;

/** A command that could not be done, in words for a person. */
final class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exit;
    private final String kind;

    /**
     * @param exit the exit code
     * @param kind one word for programs, such as not_running
     * @param message what happened, which value, what to run next
     */
    CommandFailure(int exit, String kind, String message) {
        this(exit, kind, message, null);
    }

    CommandFailure(int exit, String kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.exit = exit;
        this.kind = kind;
    }

    int exit() {
        return exit;
    }

    String kind() {
        return kind;
    }

    String text() {
        return String.valueOf(getMessage());
    }
}
