package io.vllmd.engine;

import io.vllmd.config.Problem;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A request while it is worked on. Belongs to the MLX thread but for {@link #cancel}. What was submitted to the device
 * ({@code written}, {@code sampled}) runs ahead of what the host has seen ({@code delivered}) by one step.
 */
final class Sequence implements Generation {
    private static final Logger log = LoggerFactory.getLogger(Sequence.class);

    final GenerationRequest request;
    private final TokenSink sink;
    private final Runnable wake;

    private volatile boolean cancelled;
    private boolean started;
    private boolean ended;

    @Nullable
    KvSlot slot;

    /** The larger slot that it will move to, while that is being made ready. */
    @Nullable
    KvSlot next;

    /** Positions whose keys and values have been submitted: first the prompt's, then the answer's. */
    int written;

    /** Answer tokens whose sampling has been submitted. */
    int sampled;

    /** Answer tokens that the host has seen. */
    private int delivered;

    /** Number of the step in flight that samples this sequence's newest token, 0 = none; the token's row in it. */
    long pending;

    int pendingRow;

    /** The newest token seen. */
    int lastToken;

    Sequence(GenerationRequest request, TokenSink sink, Runnable wake) {
        this.request = request;
        this.sink = sink;
        this.wake = wake;
    }

    @Override
    public void cancel() {
        cancelled = true;
        wake.run();
    }

    boolean cancelled() {
        return cancelled;
    }

    boolean ended() {
        return ended;
    }

    /** Its slot, which it has once it was prepared for a step. */
    KvSlot slot() {
        if (slot == null) {
            throw new IllegalStateException("request " + request.id() + " has no slot");
        }
        return slot;
    }

    /** Prompt tokens not yet submitted. */
    int unread() {
        return Math.max(0, request.prompt().length - written);
    }

    /** Whether the next step can make its next token. */
    boolean decodes() {
        return !ended && sampled > 0 && sampled < request.maxTokens();
    }

    boolean prefills() {
        return !ended && unread() > 0;
    }

    /** Starts over: what was written is lost, and no token was made yet. */
    void rewind() {
        slot = null;
        next = null;
        written = 0;
        sampled = 0;
        pending = 0;
    }

    void start() {
        if (!started) {
            started = true;
            tell(sink -> sink.started(0));
        }
    }

    /** Takes the next token of the answer, and ends with it where it is the last. */
    void take(int token) {
        lastToken = token;
        if (request.stopTokens().contains(token)) {
            finish(TokenSink.Finish.STOP);
            return;
        }
        delivered++;
        tell(sink -> sink.token(token, null));
        if (delivered == request.maxTokens()) {
            finish(TokenSink.Finish.LENGTH);
        }
    }

    void finish(TokenSink.Finish reason) {
        if (!ended) {
            ended = true;
            tell(sink -> sink.finished(reason, null));
        }
    }

    void fail(Problem problem) {
        if (!ended) {
            ended = true;
            tell(sink -> sink.failed(problem));
        }
    }

    int delivered() {
        return delivered;
    }

    private void tell(Consumer<TokenSink> call) {
        try {
            call.accept(sink);
        } catch (RuntimeException e) {
            // A broken reader must cost nobody else anything: its own answer ends at the next step.
            log.error("The reader of request {} failed; the request is cancelled", request.id(), e);
            cancelled = true;
        }
    }
}
