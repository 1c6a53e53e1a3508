package io.vllmd.runtime;

import io.vllmd.chat.output.OutputEvent;
import io.vllmd.chat.output.OutputPipeline;
import io.vllmd.config.ProblemException;
import io.vllmd.engine.Generation;
import io.vllmd.engine.Guidance;
import io.vllmd.engine.TokenGuide;
import io.vllmd.engine.TokenSink.Finish;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Joins the engine's tokens with the output pipeline: the one way from token ids to an answer's pieces.
 *
 * <p>A guide that only watches, as the one against repetition, is asked here: the engine then need not wait for it before
 * it makes the next token, nor keep from guessing ahead, and what it made beyond the end was never part of the answer.
 */
final class RunningAnswer implements Answer {
    private final TokenQueue tokens;
    private final OutputPipeline pipeline;
    private final @Nullable TokenGuide watcher;
    private final int promptTokens;
    private final ArrayDeque<OutputEvent> ready = new ArrayDeque<>();
    private final AtomicReference<@Nullable Generation> generation = new AtomicReference<>();
    private int completionTokens;
    private @Nullable Stop stop;
    private @Nullable GuideStop guideStop;
    private volatile boolean cancelled;

    /** @param watcher a guide that does not steer, which sees every token and may end the answer; null for none */
    RunningAnswer(TokenQueue tokens, OutputPipeline pipeline, @Nullable TokenGuide watcher, int promptTokens) {
        if (watcher != null && watcher.steers()) {
            throw new IllegalArgumentException("a guide that steers belongs to the engine's request");
        }
        this.tokens = tokens;
        this.pipeline = pipeline;
        this.watcher = watcher;
        this.promptTokens = promptTokens;
    }

    /** Ties the answer to what makes it; a cancel that came before is passed on. */
    void madeBy(Generation made) {
        generation.set(made);
        if (cancelled) {
            made.cancel();
        }
    }

    @Override
    public Optional<OutputEvent> next() throws InterruptedException {
        while (true) {
            OutputEvent event = ready.poll();
            if (event != null) {
                return Optional.of(event);
            }
            if (stop != null) {
                return Optional.empty();
            }
            TokenQueue.Batch taken = take();
            if (taken.isEnd()) {
                end(tokens.end());
            } else {
                read(taken);
            }
        }
    }

    /** A request that stalled still has its place in the engine, which it must not keep. */
    private TokenQueue.Batch take() throws InterruptedException {
        try {
            return tokens.take();
        } catch (ProblemException e) {
            cancel();
            throw e;
        }
    }

    private void read(TokenQueue.Batch taken) {
        for (int i = 0; i < taken.ids().length; i++) {
            completionTokens++;
            pipeline.push(taken.ids()[i], taken.logprobs(i), ready::add);
            if (pipeline.stopped()) {
                // The stop string is the end; what the engine made beyond it was never part of the answer.
                cancel();
                stop = Stop.STOP;
                return;
            }
            if (watcher != null) {
                watcher.accept(taken.ids()[i]);
                if (watcher.next() instanceof Guidance.End end) {
                    cancel();
                    end(new TokenQueue.End(Finish.GUIDE, end.reason()));
                    return;
                }
            }
        }
    }

    private void end(TokenQueue.End end) {
        pipeline.finish(ready::add);
        stop = switch (end.finish()) {
            case STOP, GUIDE -> Stop.STOP;
            case LENGTH, CONTEXT -> Stop.LENGTH;
            case CANCELLED -> Stop.CANCELLED;
        };
        if (end.finish() == Finish.STOP) {
            completionTokens++; // the stop token, which the engine keeps to itself
        }
        if (end.finish() == Finish.GUIDE && end.detail() != null) {
            guideStop = GuideStop.of(end.detail());
        }
    }

    @Override
    public void cancel() {
        cancelled = true;
        Generation made = generation.get();
        if (made != null) {
            made.cancel();
        }
    }

    @Override
    public Stop stop() {
        if (stop == null) {
            throw new IllegalStateException("the answer has not ended");
        }
        return stop;
    }

    @Override
    public Optional<GuideStop> guideStop() {
        return Optional.ofNullable(guideStop);
    }

    @Override
    public int promptTokens() {
        return promptTokens;
    }

    @Override
    public int cachedTokens() {
        return tokens.cachedTokens();
    }

    @Override
    public int completionTokens() {
        return completionTokens;
    }

    @Override
    public int reasoningTokens() {
        return pipeline.reasoningTokens();
    }
}
