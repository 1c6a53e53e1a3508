package io.vllmd.engine;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Asks guides what may come next, beside the MLX thread and while the model works. */
final class GuideRunner implements AutoCloseable {
    private static final int THREADS = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

    private final ExecutorService threads = Executors.newFixedThreadPool(
            THREADS, work -> Thread.ofPlatform().name("guide").daemon().unstarted(work));

    /** What may come first. */
    CompletableFuture<Guidance> first(TokenGuide guide) {
        return CompletableFuture.supplyAsync(guide::next, threads);
    }

    /** What may come after more tokens; {@code before} is the guide's last answer, so its calls never overlap. */
    CompletableFuture<Guidance> after(CompletableFuture<Guidance> before, TokenGuide guide, int[] tokens) {
        return before.thenApplyAsync(
                ignored -> {
                    for (int token : tokens) {
                        guide.accept(token);
                    }
                    return guide.next();
                },
                threads);
    }

    @Override
    public void close() {
        threads.shutdown();
    }
}
