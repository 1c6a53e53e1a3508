package io.vllmd.api.openai;

import io.vllmd.chat.output.OutputEvent;
import io.vllmd.runtime.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * The answers to one request, read as one sequence of pieces in the order in which they come. {@link #next} belongs to
 * one thread, {@link #cancel} to any.
 */
final class Choices implements AutoCloseable {
    /** Pieces read ahead of the client; a client that reads slowly holds up the readers, never the engine. */
    private static final int AHEAD = 64;

    /**
     * A piece of one answer.
     *
     * @param piece null where the answer ended
     */
    record Event(int choice, @Nullable OutputEvent piece) {}

    /** What a reader found, or the failure that ended it. */
    private record Read(@Nullable Event event, @Nullable RuntimeException failure) {}

    private final List<Answer> answers;
    private final BlockingQueue<Read> merged = new ArrayBlockingQueue<>(AHEAD);
    private final List<Thread> readers = new ArrayList<>();
    private int open;

    Choices(List<? extends Answer> answers) {
        this.answers = List.copyOf(answers);
        this.open = answers.size();
        if (open > 1) {
            for (int choice = 0; choice < open; choice++) {
                int mine = choice;
                readers.add(Thread.ofVirtual().name("choice-" + mine).start(() -> read(mine)));
            }
        }
    }

    List<Answer> answers() {
        return answers;
    }

    /**
     * The next piece of any answer, waiting for it; empty once all are complete.
     *
     * @throws RuntimeException what reading one of them threw
     */
    Optional<Event> next() throws InterruptedException {
        if (open == 0) {
            return Optional.empty();
        }
        Event event = readers.isEmpty() ? new Event(0, piece(0)) : take();
        if (event.piece() == null) {
            open--;
        }
        return Optional.of(event);
    }

    private @Nullable OutputEvent piece(int choice) throws InterruptedException {
        return answers.get(choice).next().orElse(null);
    }

    private Event take() throws InterruptedException {
        Read read = merged.take();
        if (read.failure() != null) {
            throw read.failure();
        }
        if (read.event() == null) {
            throw new IllegalStateException("a reader found nothing");
        }
        return read.event();
    }

    private void read(int choice) {
        try {
            @Nullable OutputEvent piece;
            do {
                piece = piece(choice);
                merged.put(new Read(new Event(choice, piece), null));
            } while (piece != null);
        } catch (InterruptedException e) {
            // closed: nobody reads on
        } catch (RuntimeException e) {
            try {
                merged.put(new Read(null, e));
            } catch (InterruptedException closed) {
                // nobody is there to hear of it
            }
        }
    }

    /** Whether one of the answers was stopped before its end; valid once {@link #next} was empty. */
    boolean anyCancelled() {
        return answers.stream().anyMatch(answer -> answer.stop() == Answer.Stop.CANCELLED);
    }

    /** Stops making all of them within one step. */
    void cancel() {
        answers.forEach(Answer::cancel);
    }

    /** Ends reading; what is still made goes on unless it is cancelled. */
    @Override
    public void close() {
        readers.forEach(Thread::interrupt);
    }
}
