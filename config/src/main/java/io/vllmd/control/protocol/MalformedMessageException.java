package io.vllmd.control.protocol;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A line that is no message; {@link #answer} is what to send back. */
public final class MalformedMessageException extends Exception {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;
    private final transient @Nullable Object id;

    MalformedMessageException(ErrorCode code, @Nullable Object id, String message) {
        super(message);
        this.code = code;
        this.id = id;
    }

    /** The answer that JSON-RPC wants for this line. */
    public Message.Failure answer() {
        return new Message.Failure(id, code.code(), String.valueOf(getMessage()), Map.of());
    }
}
