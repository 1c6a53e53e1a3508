package io.vllmd.http;

import io.vllmd.chat.output.OutputEvent;
import io.vllmd.chat.output.ScoredToken;
import io.vllmd.config.ProblemException;
import io.vllmd.runtime.Answer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** An answer whose pieces a test hands out one by one. */
final class ScriptedAnswer implements Answer {
    final CountDownLatch cancelled = new CountDownLatch(1);
    final AtomicInteger taken = new AtomicInteger();

    private sealed interface Step {}

    private record Piece(OutputEvent event) implements Step {}

    private record End(Stop stop) implements Step {}

    private record Failure(RuntimeException cause) implements Step {}

    private final BlockingQueue<Step> steps = new LinkedBlockingQueue<>();
    private final int promptTokens;
    private final AtomicInteger reasoning = new AtomicInteger();
    private volatile String endless = "";
    private volatile Stop stop = Stop.STOP;
    private volatile int cached;
    private volatile @Nullable GuideStop guide;

    ScriptedAnswer(int promptTokens) {
        this.promptTokens = promptTokens;
    }

    ScriptedAnswer say(String... pieces) {
        for (String piece : pieces) {
            steps.add(new Piece(new OutputEvent.Text(piece)));
        }
        return this;
    }

    /** A piece that comes with these tokens. */
    ScriptedAnswer sayScored(String piece, ScoredToken... tokens) {
        steps.add(new Piece(new OutputEvent.Text(piece, List.of(tokens))));
        return this;
    }

    ScriptedAnswer think(String piece) {
        steps.add(new Piece(new OutputEvent.Reasoning(piece)));
        return this;
    }

    /** Says this again and again until it is cancelled. */
    void sayForEver(String piece) {
        endless = piece;
        say(piece);
    }

    void end(Stop reason) {
        steps.add(new End(reason));
    }

    /** Ends it as a guide does. */
    void end(GuideStop reason) {
        guide = reason;
        end(Stop.STOP);
    }

    ScriptedAnswer cached(int tokens) {
        cached = tokens;
        return this;
    }

    void fail(RuntimeException cause) {
        steps.add(new Failure(cause));
    }

    void fail(ProblemException cause) {
        steps.add(new Failure(cause));
    }

    @Override
    public Optional<OutputEvent> next() throws InterruptedException {
        if (!endless.isEmpty() && steps.isEmpty()) {
            taken.incrementAndGet();
            return Optional.of(new OutputEvent.Text(endless));
        }
        return switch (steps.take()) {
            case Piece piece -> {
                taken.incrementAndGet();
                if (piece.event() instanceof OutputEvent.Reasoning) {
                    reasoning.incrementAndGet();
                }
                yield Optional.of(piece.event());
            }
            case End end -> {
                stop = end.stop();
                yield Optional.empty();
            }
            case Failure failure -> throw failure.cause();
        };
    }

    @Override
    public void cancel() {
        end(Stop.CANCELLED);
        cancelled.countDown();
    }

    @Override
    public Stop stop() {
        return stop;
    }

    @Override
    public int promptTokens() {
        return promptTokens;
    }

    @Override
    public Optional<GuideStop> guideStop() {
        return Optional.ofNullable(guide);
    }

    @Override
    public int cachedTokens() {
        return cached;
    }

    @Override
    public int completionTokens() {
        return taken.get();
    }

    @Override
    public int reasoningTokens() {
        return reasoning.get();
    }
}
