package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

@SuppressWarnings("try")
class MlxThreadTest {

    private final AtomicReference<@Nullable Throwable> uncaught = new AtomicReference<>();
    private MlxThread mlx;

    @BeforeEach
    void start() {
        mlx = MlxThread.start("mlx under test", (thread, e) -> uncaught.set(e));
    }

    @AfterEach
    void stop() {
        mlx.close();
    }

    @Test
    void workRunsInTheOrderSent() throws Exception {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            int n = i;
            mlx.execute(() -> order.add(n));
        }
        List<Integer> seen = mlx.submit(() -> List.copyOf(order)).get();
        assertEquals(IntStream.range(0, 1000).boxed().toList(), seen);
    }

    @Test
    void aFailureArrivesWithTheStacksOfBothThreads() {
        CompletableFuture<Object> future = sender();
        Throwable failure = assertInstanceOf(
                MlxException.class,
                assertThrows(ExecutionException.class, future::get).getCause());
        assertTrue(names(failure.getStackTrace()).contains("workThatFails"), "stack of the MLX thread");
        Throwable sent = failure.getSuppressed()[0];
        assertInstanceOf(MlxThread.SentFrom.class, sent);
        assertTrue(names(sent.getStackTrace()).contains("sender"), "stack of the sending thread");
        assertTrue(String.valueOf(sent.getMessage())
                .contains(Thread.currentThread().getName()));
    }

    private CompletableFuture<Object> sender() {
        return mlx.submit(MlxThreadTest::workThatFails);
    }

    private static Object workThatFails() {
        try (Scope scope = Scope.open()) {
            return Mlx.reshape(Array.of(new float[2], 2), 3).toFloats();
        }
    }

    private static List<String> names(StackTraceElement[] stack) {
        return Arrays.stream(stack).map(StackTraceElement::getMethodName).toList();
    }

    @Test
    void callThrowsUncheckedFailuresAsTheyAreAndWrapsCheckedOnes() {
        IllegalArgumentException unchecked = new IllegalArgumentException("x");
        assertSame(
                unchecked,
                assertThrows(
                        IllegalArgumentException.class,
                        () -> mlx.call(() -> {
                            throw unchecked;
                        })));
        IOException checked = new IOException("disk");
        assertSame(
                checked,
                assertThrows(
                                MlxException.class,
                                () -> mlx.call(() -> {
                                    throw checked;
                                }))
                        .getCause());
        AssertionError error = new AssertionError("e");
        assertSame(
                error,
                assertThrows(
                        AssertionError.class,
                        () -> mlx.call(() -> {
                            throw error;
                        })));
    }

    @Test
    void everyOtherThreadIsRefusedByName() {
        Array array = mlx.call(() -> Array.of(new float[2], 2));
        List<Executable> calls = List.of(
                () -> Array.of(new float[1], 1),
                array::shape,
                array::toFloats,
                array::data,
                array::close,
                array::detach,
                () -> Mlx.add(array, array),
                () -> Mlx.eval(array),
                Mlx::memory,
                Scope::open,
                () -> Stream.on(Device.CPU),
                Device.CPU::isAvailable,
                () -> StepRows.of(new int[1], new int[1], new int[][] {{0}}, new int[1], new int[1]),
                () -> KvPages.allocate(1, 1, 1, 1, Dtype.FLOAT32, 0));
        Thread.currentThread().setName("the stranger");
        for (Executable call : calls) {
            IllegalStateException e = assertThrows(IllegalStateException.class, call);
            assertTrue(String.valueOf(e.getMessage()).contains("'the stranger'"), e.getMessage());
            assertTrue(String.valueOf(e.getMessage()).contains("'mlx under test'"), e.getMessage());
        }
        mlx.call(() -> {
            array.close();
            return null;
        });
        assertFalse(MlxThread.isCurrent());
        assertTrue(mlx.call(MlxThread::isCurrent));
    }

    @Test
    void callAndCloseOnTheMlxThreadItselfAreRefused() {
        assertThrows(IllegalStateException.class, () -> mlx.call(() -> mlx.call(() -> 1)));
        assertThrows(
                IllegalStateException.class,
                () -> mlx.call(() -> {
                    mlx.close();
                    return 1;
                }));
        assertEquals(2, mlx.call(() -> 2));
    }

    @Test
    void executedWorkThatThrowsGoesToTheHandlerAndTheThreadCarriesOn() {
        IllegalStateException failure = new IllegalStateException("step failed");
        mlx.execute(() -> {
            throw failure;
        });
        assertEquals(1, mlx.call(() -> 1));
        assertSame(failure, uncaught.get());
    }

    @Test
    void executedWorkTakesTurnsWithOthersByEnqueueingItself() throws Exception {
        List<String> order = new ArrayList<>();
        CountDownLatch queued = new CountDownLatch(1);
        mlx.execute(() -> {
            try {
                queued.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            order.add("step 1");
            mlx.execute(() -> order.add("step 2"));
        });
        CompletableFuture<Boolean> other = mlx.submit(() -> order.add("other"));
        queued.countDown();
        other.get();
        assertEquals(List.of("step 1", "other", "step 2"), mlx.call(() -> List.copyOf(order)));
    }

    @Test
    void aScopeLeftOpenFailsItsWorkAndIsClosed() {
        Array[] array = new Array[1];
        CompletableFuture<Object> future = mlx.submit(() -> {
            Scope.open();
            array[0] = Array.of(new float[1], 1);
            return null;
        });
        assertInstanceOf(
                IllegalStateException.class,
                assertThrows(ExecutionException.class, future::get).getCause());
        mlx.call(() -> assertThrows(IllegalStateException.class, array[0]::shape));
    }

    @Test
    void cancelledWorkThatHasNotBegunDoesNotRun() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        mlx.execute(() -> {
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        List<String> ran = new ArrayList<>();
        mlx.submit(() -> ran.add("cancelled")).cancel(false);
        go.countDown();
        assertEquals(List.of(), mlx.call(() -> List.copyOf(ran)));
    }

    @Test
    void closeFinishesWhatWasSentAndRefusesWhatComesAfter() throws Exception {
        CompletableFuture<Integer> last = null;
        for (int i = 0; i < 100; i++) {
            int n = i;
            last = mlx.submit(() -> n);
        }
        mlx.close();
        mlx.close();
        assertEquals(99, last == null ? -1 : last.getNow(-1));
        assertThrows(IllegalStateException.class, () -> mlx.submit(() -> 1));
        assertThrows(IllegalStateException.class, () -> mlx.execute(() -> {}));
        IllegalStateException e = assertThrows(IllegalStateException.class, Mlx::memory);
        assertTrue(String.valueOf(e.getMessage()).contains("no MLX thread runs"), e.getMessage());
    }

    @Test
    void aSecondMlxThreadIsRefusedUntilTheFirstIsClosed() {
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> MlxThread.start("second"));
        assertTrue(String.valueOf(e.getMessage()).contains("'mlx under test'"), e.getMessage());
        mlx.close();
        try (MlxThread second = MlxThread.start("second")) {
            assertEquals(3f, second.call(() -> {
                try (Scope scope = Scope.open()) {
                    return Mlx.add(Array.of(new float[] {1}, 1), Array.of(new float[] {2}, 1))
                            .toFloats()[0];
                }
            }));
        }
    }
}
