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
    CompletableFuture<Outlook> first(TokenGuide guide) {
        return CompletableFuture.supplyAsync(() -> Outlook.of(guide.next()), threads);
    }

    /** What may come after more tokens; {@code before} is the guide's last answer, so its calls never overlap. */
    CompletableFuture<Outlook> after(CompletableFuture<Outlook> before, TokenGuide guide, int[] tokens) {
        return before.thenApplyAsync(outlook -> outlook.after(guide, tokens), threads);
    }

    /** What may come after each of these guesses, too. */
    CompletableFuture<Outlook> ahead(CompletableFuture<Outlook> before, TokenGuide guide, int[] guesses) {
        return before.thenApplyAsync(outlook -> outlook.ahead(guide, guesses), threads);
    }

    @Override
    public void close() {
        threads.shutdown();
    }
}
