package io.vllmd.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.engine.TokenLogprobs;
import io.vllmd.engine.TokenSink.Finish;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class TokenQueueTest {

    private static final TokenLogprobs SOME = new TokenLogprobs(-1, new int[0], new float[0]);

    private final AtomicLong nanos = new AtomicLong(1);

    private TokenQueue withTimeout(Duration timeout) {
        return new TokenQueue(timeout, nanos::get);
    }

    private void pass(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    @Test
    void allTokensComeInOrderAndThenTheEnd() throws InterruptedException {
        TokenQueue queue = new TokenQueue(null);
        Thread writer = Thread.ofPlatform().start(() -> {
            queue.started(3);
            for (int i = 0; i < 10_000; i++) {
                queue.token(i, i % 3 == 0 ? new TokenLogprobs(-i, new int[0], new float[0]) : null);
            }
            queue.finished(Finish.GUIDE, "enough");
        });
        int read = 0;
        for (TokenQueue.Batch some = queue.take(); !some.isEnd(); some = queue.take()) {
            for (int i = 0; i < some.ids().length; i++, read++) {
                assertEquals(read, some.ids()[i]);
                TokenLogprobs logprobs = some.logprobs(i);
                assertEquals(read % 3 == 0, logprobs != null);
                if (logprobs != null) {
                    assertEquals(-read, logprobs.logprob());
                }
            }
        }
        writer.join();
        assertEquals(10_000, read);
        assertEquals(new TokenQueue.End(Finish.GUIDE, "enough"), queue.end());
        assertEquals(3, queue.cachedTokens());
        assertTrue(queue.take().isEnd());
    }

    @Test
    void logprobsOfOneBatchAreNotThoseOfTheNext() throws InterruptedException {
        TokenQueue queue = new TokenQueue(null);
        queue.token(1, SOME);
        queue.token(2, SOME);
        queue.take();
        queue.token(3, null);
        assertNull(queue.take().logprobs(0));
    }

    @Test
    void aFailureComesAfterTheTokensBeforeIt() throws InterruptedException {
        TokenQueue queue = new TokenQueue(null);
        queue.token(7, null);
        queue.failed(Problem.of(Problem.Kind.INTERNAL, "the device is gone"));
        assertArrayEquals(new int[] {7}, queue.take().ids());
        ProblemException failure = assertThrows(ProblemException.class, queue::take);
        assertEquals("the device is gone", failure.getMessage());
    }

    @Test
    void silenceAfterAdmissionIsAStall() {
        TokenQueue queue = withTimeout(Duration.ofSeconds(60));
        queue.started(0);
        pass(Duration.ofSeconds(60));
        Problem problem = assertThrows(ProblemException.class, queue::take).problem();
        assertEquals(Problem.Kind.UNAVAILABLE, problem.kind());
        assertEquals("engine.stall-timeout", problem.subject());
        assertTrue(problem.message().contains("60 s"), problem.message());
    }

    @Test
    void waitingInTheQueueIsNoStall() throws InterruptedException {
        TokenQueue queue = withTimeout(Duration.ofSeconds(60));
        Thread writer = Thread.ofPlatform().unstarted(() -> {
            pass(Duration.ofHours(5));
            queue.started(0);
            queue.token(1, null);
        });
        writer.start();
        assertArrayEquals(new int[] {1}, queue.take().ids());
        writer.join();
    }

    @Test
    void progressWithThePromptAndTokensAreSignsOfLife() throws InterruptedException {
        TokenQueue queue = withTimeout(Duration.ofSeconds(60));
        queue.started(0);
        for (int i = 1; i <= 5; i++) {
            pass(Duration.ofSeconds(50));
            queue.read(i * 512);
        }
        pass(Duration.ofSeconds(50));
        queue.token(1, null);
        assertArrayEquals(new int[] {1}, queue.take().ids());
        pass(Duration.ofSeconds(50));
        queue.finished(Finish.STOP, null);
        assertTrue(queue.take().isEnd());
    }

    @Test
    void aRequestThatGaveUpItsPlaceWaitsAsInTheQueue() throws InterruptedException {
        TokenQueue queue = withTimeout(Duration.ofSeconds(60));
        queue.started(0);
        queue.preempted();
        pass(Duration.ofHours(1));
        Thread writer = Thread.ofPlatform().start(() -> queue.token(1, null));
        assertArrayEquals(new int[] {1}, queue.take().ids());
        writer.join();
        pass(Duration.ofSeconds(60));
        assertThrows(ProblemException.class, queue::take);
    }

    @Test
    void whatCameBeforeASilenceIsNotLost() throws InterruptedException {
        TokenQueue queue = withTimeout(Duration.ofSeconds(60));
        queue.started(0);
        queue.token(1, null);
        pass(Duration.ofHours(1));
        assertArrayEquals(new int[] {1}, queue.take().ids());
        assertThrows(ProblemException.class, queue::take);
    }

    @Test
    void whoWaitsAlreadyHearsOfAStall() {
        // The true clock: nothing wakes the reader but the watch.
        TokenQueue queue = new TokenQueue(Duration.ofMillis(20));
        queue.started(0);
        assertEquals(
                Problem.Kind.UNAVAILABLE,
                assertThrows(ProblemException.class, queue::take).problem().kind());
    }

    @Test
    void whoWaitsInTheQueueForLongerThanAStallIsWatchedFromAdmissionOn() throws InterruptedException {
        TokenQueue queue = withTimeout(Duration.ofMillis(1));
        CountDownLatch waiting = new CountDownLatch(1);
        AtomicReference<Problem.Kind> kind = new AtomicReference<>();
        Thread reader = Thread.ofPlatform().start(() -> {
            waiting.countDown();
            kind.set(assertThrows(ProblemException.class, queue::take).problem().kind());
        });
        waiting.await();
        pass(Duration.ofHours(1));
        queue.started(0);
        pass(Duration.ofHours(1));
        reader.join();
        assertEquals(Problem.Kind.UNAVAILABLE, kind.get());
    }
}
