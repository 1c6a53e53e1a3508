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
        return sequence.held != null && sequence.written == sequence.known() && !sequence.ended();
    }

    /** Asks the guides of sequences that have just begun. */
    void ask(List<Step.Run> runs) {
        for (Step.Run run : runs) {
            Sequence sequence = run.sequence();
            TokenGuide guide = sequence.request.guide();
            if (guide != null && sequence.guidance == null) {
                sequence.guidance = wakes(sequence, guides.first(guide));
            }
        }
    }

    /** Tells the guide of the newest token, and asks what may come after it. */
    void took(Sequence sequence) {
        TokenGuide guide = sequence.request.guide();
        if (guide != null && !sequence.ended()) {
            CompletableFuture<Guidance> before = sequence.guidance;
            int token = sequence.tokens()[sequence.known() - 1];
            sequence.guidance = wakes(
                    sequence, before == null ? guides.first(guide) : guides.after(before, guide, new int[] {token}));
        }
    }

    private static CompletableFuture<Guidance> wakes(Sequence sequence, CompletableFuture<Guidance> guidance) {
        return guidance.whenComplete((answer, failure) -> sequence.wake());
    }

    /**
     * Samples the rows whose guides have answered, waiting for them as long as the device has work anyway.
     *
     * @param patience nanoseconds that the step in flight will take
     * @return the tokens in the making, or null where there are none
     */
    @Nullable
    Choice choose(List<Sequence> active, long patience, Scope scope) {
        List<Sequence> ready = new ArrayList<>(0);
        List<int @Nullable []> masks = new ArrayList<>(0);
        long until = System.nanoTime() + patience;
        for (Sequence each : active) {
            if (!waits(each) || each.cancelled() || !answered(each, until - System.nanoTime())) {
                continue;
            }
            switch (answer(each)) {
                case Guidance.Free free -> add(each, null, ready, masks);
                case Guidance.Allowed allowed -> add(each, allowed.mask(), ready, masks);
                case Guidance.Forced forced -> force(each, forced.tokens());
                case Guidance.End end -> each.finish(TokenSink.Finish.GUIDE, end.reason());
            }
        }
        return ready.isEmpty() ? null : builder.submit(ready, masks, scope);
    }

    private static void add(
            Sequence sequence, int @Nullable [] mask, List<Sequence> ready, List<int @Nullable []> masks) {
        ready.add(sequence);
        masks.add(mask);
    }

    /** The tokens are part of the answer at once, and are read like a prompt. */
    private void force(Sequence sequence, int[] tokens) {
        releaseLogits(sequence);
        CompletableFuture<Guidance> before = Objects.requireNonNull(sequence.guidance);
        int taken = sequence.takeForced(tokens, contextLength);
        if (!sequence.ended()) {
            TokenGuide guide = Objects.requireNonNull(sequence.request.guide());
            sequence.guidance = wakes(sequence, guides.after(before, guide, Arrays.copyOf(tokens, taken)));
        }
    }

    private static void releaseLogits(Sequence sequence) {
        Objects.requireNonNull(sequence.held).release();
        sequence.held = null;
    }

    private static boolean answered(Sequence sequence, long patience) {
        CompletableFuture<Guidance> guidance = Objects.requireNonNull(sequence.guidance);
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
    private static Guidance answer(Sequence sequence) {
        try {
            return Objects.requireNonNull(sequence.guidance).join();
        } catch (CompletionException e) {
            log.error("The guide of request {} failed; the request ends", sequence.request.id(), e.getCause());
            sequence.fail(Problem.of(
                    Problem.Kind.INTERNAL,
                    "What may come next in this answer could not be worked out. Try again; the daemon's log has the"
                            + " details."));
            return new Guidance.End("failed");
        }
    }
}
