package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.mlx.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rows whose next token a guide has a say in. Their forward pass runs with everybody else's; their token is sampled when
 * the guide has answered, which it works out meanwhile. One that is late misses a step, and nobody else waits for it.
 */
final class GuidedRows {
    private static final Logger log = LoggerFactory.getLogger(GuidedRows.class);

    private final GuideRunner guides;
    private final StepBuilder builder;
    private final int contextLength;

    GuidedRows(GuideRunner guides, StepBuilder builder, int contextLength) {
        this.guides = guides;
        this.builder = builder;
        this.contextLength = contextLength;
    }

    /** Whether its next token can be sampled now. */
    static boolean ready(Sequence sequence) {
        return waits(sequence) && sequence.guidance != null && sequence.guidance.isDone();
    }

    /** Whether all that is missing for its next token is the guide's answer. */
    private static boolean waits(Sequence sequence) {
        return sequence.held != null
                && sequence.written == sequence.known() + sequence.heldGuesses.length
                && !sequence.ended();
    }

    /** Asks the guides of sequences that have just begun, and what may come after guesses. */
    void ask(List<Step.Run> runs) {
        for (Step.Run run : runs) {
            Sequence sequence = run.sequence();
            TokenGuide guide = sequence.request.guide();
            if (guide == null) {
                continue;
            }
            CompletableFuture<Outlook> guidance = sequence.guidance;
            if (guidance == null) {
                sequence.guidance = wakes(sequence, guides.first(guide));
            } else if (run.drafts().length > 0) {
                sequence.guidance = wakes(sequence, guides.ahead(guidance, guide, run.drafts()));
            }
        }
    }

    /** Tells the guide of the newest tokens, and asks what may come after them. */
    void took(Sequence sequence, int count) {
        TokenGuide guide = sequence.request.guide();
        CompletableFuture<Outlook> before = sequence.guidance;
        if (guide != null && before != null && !sequence.ended()) {
            int known = sequence.known();
            int[] tokens = Arrays.copyOfRange(sequence.tokens(), known - count, known);
            sequence.guidance = wakes(sequence, guides.after(before, guide, tokens));
        }
    }

    /**
     * Has the lane called when the guide has answered. What counts is the guide's own future: the one that whenComplete
     * gives is done only after the call, too late for the turn that it calls for.
     */
    @SuppressWarnings("FutureReturnValueIgnored")
    private static CompletableFuture<Outlook> wakes(Sequence sequence, CompletableFuture<Outlook> guidance) {
        guidance.whenComplete((answer, failure) -> sequence.wake());
        return guidance;
    }

    /**
     * Samples the rows whose guides have answered, waiting for them as long as the device has work anyway.
     *
     * @param patience nanoseconds that the step in flight will take
     * @return the tokens in the making, or null where there are none
     */
    @Nullable
    Choice choose(List<Sequence> active, long patience, Scope scope) {
        List<Ready> ready = new ArrayList<>(0);
        long until = System.nanoTime() + patience;
        for (Sequence each : active) {
            if (!waits(each) || each.cancelled() || !answered(each, until - System.nanoTime())) {
                continue;
            }
            Outlook outlook = answer(each);
            int rows = Math.min(outlook.rows(), 1 + each.heldGuesses.length);
            if (rows > 0) {
                ready.add(new Ready(each, Arrays.copyOf(each.heldGuesses, rows - 1), outlook));
                continue;
            }
            switch (outlook.next().getFirst()) {
                case Guidance.Forced forced -> force(each, forced.tokens());
                case Guidance.End end -> each.finish(TokenSink.Finish.GUIDE, end.reason());
                case Guidance.Free free -> throw new AssertionError();
                case Guidance.Allowed allowed -> throw new AssertionError();
            }
        }
        return ready.isEmpty() ? null : builder.submit(ready, scope);
    }

    /**
     * A sequence whose token can be sampled, and whose guesses can be verified.
     *
     * @param guesses those that the guide allows
     */
    record Ready(Sequence sequence, int[] guesses, Outlook outlook) {
        /** What may come in its row {@code i}; null for anything. */
        int @Nullable [] mask(int i) {
            return outlook.next().get(i) instanceof Guidance.Allowed allowed ? allowed.mask() : null;
        }
    }

    /** The tokens are part of the answer at once, and are read like a prompt. */
    private void force(Sequence sequence, int[] tokens) {
        sequence.releaseHeld(0);
        CompletableFuture<Outlook> before = Objects.requireNonNull(sequence.guidance);
        int taken = sequence.takeForced(tokens, contextLength);
        if (!sequence.ended()) {
            TokenGuide guide = Objects.requireNonNull(sequence.request.guide());
            sequence.guidance = wakes(sequence, guides.after(before, guide, Arrays.copyOf(tokens, taken)));
        }
    }

    private static boolean answered(Sequence sequence, long patience) {
        CompletableFuture<Outlook> guidance = Objects.requireNonNull(sequence.guidance);
        if (guidance.isDone() || patience <= 0) {
            return guidance.isDone();
        }
        try {
            guidance.get(patience, TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** What the guide said; a guide that failed ends its own request. */
    private static Outlook answer(Sequence sequence) {
        try {
            return Objects.requireNonNull(sequence.guidance).join();
        } catch (CompletionException e) {
            log.error("The guide of request {} failed; the request ends", sequence.request.id(), e.getCause());
            sequence.fail(Problem.of(
                    Problem.Kind.INTERNAL,
                    "What may come next in this answer could not be worked out. Try again; the daemon's log has the"
                            + " details."));
            return Outlook.of(new Guidance.End("failed"));
        }
    }
}
