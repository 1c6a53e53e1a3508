package io.vllmd.runtime;

import io.vllmd.chat.output.OutputEvent;
import io.vllmd.chat.output.OutputPipeline;
import io.vllmd.engine.Generation;
import io.vllmd.engine.TokenSink.Finish;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Joins the engine's tokens with the output pipeline: the one way from token ids to an answer's pieces. */
final class RunningAnswer implements Answer {
    private final TokenQueue tokens;
    private final OutputPipeline pipeline;
    private final int promptTokens;
    private final ArrayDeque<OutputEvent> ready = new ArrayDeque<>();
    private final AtomicReference<@Nullable Generation> generation = new AtomicReference<>();
    private int completionTokens;
    private @Nullable Stop stop;
    private volatile boolean cancelled;

    RunningAnswer(TokenQueue tokens, OutputPipeline pipeline, int promptTokens) {
        this.tokens = tokens;
        this.pipeline = pipeline;
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
            int[] taken = tokens.take();
            if (taken.length == 0) {
                end(tokens.finish());
            } else {
                read(taken);
            }
        }
    }

    private void read(int[] taken) {
        for (int id : taken) {
            completionTokens++;
            pipeline.push(id, ready::add);
            if (pipeline.stopped()) {
                // The stop string is the end; what the engine made beyond it was never part of the answer.
                cancel();
                stop = Stop.STOP;
                return;
            }
        }
    }

    private void end(Finish finish) {
        pipeline.finish(ready::add);
        stop = switch (finish) {
            case STOP, GUIDE -> Stop.STOP;
            case LENGTH, CONTEXT -> Stop.LENGTH;
            case CANCELLED -> Stop.CANCELLED;
        };
        if (finish == Finish.STOP) {
            completionTokens++; // the stop token, which the engine keeps to itself
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
    public int promptTokens() {
        return promptTokens;
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
