package io.vllmd.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.engine.TokenSink.Finish;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TokenQueueTest {

    @Test
    void allTokensComeInOrderAndThenTheEnd() throws InterruptedException {
        TokenQueue queue = new TokenQueue();
        Thread writer = Thread.ofPlatform().start(() -> {
            for (int i = 0; i < 10_000; i++) {
                queue.token(i, null);
            }
            queue.finished(Finish.LENGTH, null);
        });
        List<Integer> read = new ArrayList<>();
        for (int[] some = queue.take(); some.length > 0; some = queue.take()) {
            for (int id : some) {
                read.add(id);
            }
        }
        writer.join();
        assertEquals(10_000, read.size());
        for (int i = 0; i < read.size(); i++) {
            assertEquals(i, read.get(i));
        }
        assertEquals(Finish.LENGTH, queue.finish());
        assertArrayEquals(new int[0], queue.take());
    }

    @Test
    void aFailureComesAfterTheTokensBeforeIt() throws InterruptedException {
        TokenQueue queue = new TokenQueue();
        queue.token(7, null);
        queue.failed(Problem.of(Problem.Kind.INTERNAL, "the device is gone"));
        assertArrayEquals(new int[] {7}, queue.take());
        ProblemException failure = assertThrows(ProblemException.class, queue::take);
        assertEquals("the device is gone", failure.getMessage());
    }
}
