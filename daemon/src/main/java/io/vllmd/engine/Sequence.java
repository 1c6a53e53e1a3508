package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.engine.cache.Match;
import io.vllmd.engine.cache.PageTable;
import io.vllmd.engine.cache.PrefixKey;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A request while it is worked on. Belongs to the MLX thread but for {@link #cancel}.
 *
 * <p>Three counts tell where it stands. {@code known} tokens are known to the host: the prompt, then the answer. Keys and
 * values of {@code written} positions have been submitted. One token more may be in the making, in {@code pending} or as
 * logits that wait for a guide in {@code held}; then all known tokens are written. A sequence that gave up its pages has
 * nothing written, and reads all that it knows again, prompt and answer alike.
 */
final class Sequence implements Generation {
    private static final Logger log = LoggerFactory.getLogger(Sequence.class);

    final GenerationRequest request;

    /** Order of arrival, by which priorities are equal. */
    final long arrival;

    /** How its tokens are chosen; knows those that the host knows. */
    final SamplingPlan sampling;

    /** Whether its tokens are guessed ahead; null where they must not be. */
    final @Nullable Speculation speculation;

    /** Chance that a guess of the lane's {@link Drafter} for it is right; below 0 while none was seen. */
    double draftRate = -1;

    private final TokenSink sink;
    private final Runnable wake;

    private volatile boolean cancelled;
    private boolean started;
    private boolean ended;

    private int[] tokens;
    private int known;

    /** Positions whose keys and values have been submitted. */
    int written;

    /** The step's choice that makes its newest token, while the host has not read it, and the row in it. */
    @Nullable
    Choice pending;

    int pendingRow;

    /** Logits of its next token while its guide works out what that may be. */
    @Nullable
    HeldLogits held;

    /** The first of its rows in them; one more for each guess. */
    int heldRow;

    /** Guesses that were read behind the known tokens, and whose logits are held, too. */
    int[] heldGuesses = {};

    /** What the guide says of the token after all known ones. */
    @Nullable
    CompletableFuture<Outlook> guidance;

    /** Its pages in each group, while it has a place in the batch. */
    List<PageTable> tables = List.of();

    @Nullable
    PrefixKey key;

    /** A page to copy the first tokens of its last page from, in the next step. */
    Match.@Nullable Partial copy;

    /** Another sequence reads the same tokens: this one waits for what that one writes. */
    boolean follows;

    Sequence(
            GenerationRequest request,
            SamplingPlan sampling,
            @Nullable Speculation speculation,
            long arrival,
            TokenSink sink,
            Runnable wake) {
        this.request = request;
        this.sampling = sampling;
        this.speculation = speculation;
        this.arrival = arrival;
        this.sink = sink;
        this.wake = wake;
        this.tokens = request.prompt().clone();
        this.known = tokens.length;
    }

    @Override
    public void cancel() {
        cancelled = true;
        wake.run();
    }

    /** Sees to it that the lane has another turn; from any thread. */
    void wake() {
        wake.run();
    }

    boolean cancelled() {
        return cancelled;
    }

    boolean ended() {
        return ended;
    }

    /** All tokens that the host knows, in an array that may be longer than {@link #known}. */
    int[] tokens() {
        return tokens;
    }

    int known() {
        return known;
    }

    /** Tokens of the answer that the host knows. */
    int answered() {
        return known - request.prompt().length;
    }

    /** Known tokens that no step has read. */
    int unread() {
        return known - written;
    }

    /** Whether a step can do something for it. */
    boolean runnable(int contextLength) {
        if (ended || held != null) {
            return false;
        }
        return pending == null ? unread() > 0 : answered() + 1 < request.maxTokens() && known + 1 < contextLength;
    }

    /** Whether its next step makes a token and reads no more than one. */
    boolean decodes() {
        return pending != null || (unread() == 1 && answered() > 0);
    }

    /** Tokens that may still come after the next one. */
    int room(int contextLength) {
        return Math.min(request.maxTokens() - answered(), contextLength - known) - 1;
    }

    /** Its held logits are not needed any more; what was written of guesses counts as far as these go. */
    void releaseHeld(int guesses) {
        HeldLogits logits = held;
        if (logits != null) {
            logits.release();
            held = null;
            written += guesses - heldGuesses.length;
            heldGuesses = new int[0];
        }
    }

    /** Starts over: all that was written is lost. The caller has taken care of its pages. */
    void rewind() {
        written = 0;
        pending = null;
        held = null;
        heldGuesses = new int[0];
        tables = List.of();
        copy = null;
        follows = false;
    }

    void start(int cachedTokens) {
        if (!started) {
            started = true;
            tell(each -> each.started(cachedTokens));
        }
    }

    /** It lost its place to a more urgent one. */
    void preempted() {
        tell(TokenSink::preempted);
    }

    void progress() {
        int read = Math.min(written, request.prompt().length);
        tell(each -> each.read(read));
    }

    /** Takes the next token of the answer, and ends with it where it is the last. */
    void take(int token, @Nullable TokenLogprobs logprobs, int contextLength) {
        if (known == tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(known + 64, known * 2));
        }
        tokens[known++] = token;
        sampling.took(token);
        if (speculation != null) {
            speculation.took(token);
        }
        if (request.stopTokens().contains(token)) {
            finish(TokenSink.Finish.STOP);
            return;
        }
        tell(each -> each.token(token, logprobs));
        if (answered() >= request.maxTokens()) {
            finish(TokenSink.Finish.LENGTH);
        } else if (known >= contextLength) {
            finish(TokenSink.Finish.CONTEXT);
        }
    }

    /** Takes tokens that a guide forced, as many as the answer has room for, and tells how many. */
    int takeForced(int[] forced, int contextLength) {
        int taken = 0;
        while (taken < forced.length && !ended) {
            take(forced[taken++], null, contextLength);
        }
        return taken;
    }

    void finish(TokenSink.Finish reason) {
        finish(reason, null);
    }

    void finish(TokenSink.Finish reason, @Nullable String detail) {
        if (!ended) {
            ended = true;
            tell(each -> each.finished(reason, detail));
        }
    }

    void fail(Problem problem) {
        if (!ended) {
            ended = true;
            tell(each -> each.failed(problem));
        }
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
