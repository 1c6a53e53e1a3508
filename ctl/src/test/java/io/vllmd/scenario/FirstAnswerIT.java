package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a newcomer meets: one command, and a real model answers. */
class FirstAnswerIT {
    @TempDir
    private static Path home;

    private static DaemonProcess daemon;
    private static Chat chat;

    @BeforeAll
    static void start() throws IOException {
        daemon = DaemonProcess.start(home);
        chat = new Chat(daemon.base());
    }

    @AfterAll
    static void stop() {
        daemon.close();
    }

    @Test
    void theBannerTellsWhereWhatAndOneCommandToTry() {
        String banner = String.join("\n", daemon.banner());
        assertTrue(banner.contains(daemon.base()), banner);
        assertTrue(banner.contains("sprout"), banner);
        assertTrue(banner.contains("curl "), banner);
    }

    @Test
    void theModelKnowsTheCapitalOfFrance() throws Exception {
        Chat.Answer answer = chat.ask("default", "What is the capital of France?", 100);
        assertEquals(200, answer.status(), answer.raw());
        assertEquals("The capital of France is Paris.", answer.text());
        assertEquals("stop", answer.finish());
    }

    @Test
    void aStreamIsTheWholeAnswerInPieces() throws Exception {
        for (String question : List.of("Write a short poem about the sea.", "What is 12 + 35?", "Who are you?")) {
            Chat.Answer whole = chat.ask("sprout", question, 200);
            Chat.Answer streamed = chat.stream("sprout", question, 200);
            assertEquals(whole.text(), streamed.text());
            assertEquals(whole.finish(), streamed.finish());
            assertTrue(streamed.chunks() > 3, streamed.raw());
            assertTrue(streamed.raw().endsWith("[DONE]"));
        }
    }

    @Test
    void thoughtsArriveAsReasoningNotAsText() throws Exception {
        Chat.Answer answer = chat.ask("sprout", "What is 12 + 35?", 200);
        assertTrue(answer.text().contains("47"), answer.raw());
        assertFalse(answer.raw().contains("<think>"), answer.raw());
        assertTrue(answer.raw().contains("\"reasoning_content\":\""), answer.raw());
    }

    @Test
    void aStopStringEndsTheAnswerAndIsNotPartOfIt() throws Exception {
        Chat.Answer stopped =
                chat.post(Chat.request("sprout", "What is the capital of France?", 100, ",\"stop\":\" is Paris\""));
        assertEquals("The capital of France", stopped.text());
        assertEquals("stop", stopped.finish());
    }

    @Test
    void tooManyTokensAskedForAreClampedToTheRoom() throws Exception {
        assertEquals(200, chat.ask("sprout", "Who are you?", 32_000).status());
    }

    @Test
    void aPromptThatLeavesNoRoomIsRefusedWithBothNumbers() throws Exception {
        Chat.Answer refused = chat.ask("sprout", "word ".repeat(5_000), 10);
        assertEquals(400, refused.status());
        assertTrue(refused.raw().contains("4096"), refused.raw());
        assertTrue(refused.raw().matches("(?s).*resulted in \\d{4,5} tokens.*"), refused.raw());
    }

    @Test
    void modelsAreListedWithTheirContext() throws Exception {
        Chat.Answer models = chat.get("/v1/models");
        assertTrue(models.raw().contains("\"id\":\"sprout\""), models.raw());
        assertTrue(models.raw().contains("4096"), models.raw());
        assertEquals(200, chat.get("/v1/models/sprout").status());
        assertEquals(404, chat.get("/v1/models/nobody").status());
        assertEquals(200, chat.get("/health").status());
    }

    @Test
    void sixteenAtOnceGetWhatEachGetsAlone() throws Exception {
        List<String> questions = new ArrayList<>();
        for (String subject : List.of("the sea", "a cat", "the moon", "rain", "bread", "a tree", "snow", "a river")) {
            questions.add("Write a short poem about " + subject + ".");
            questions.add("Tell me a short story about " + subject + ".");
        }
        List<String> alone = new ArrayList<>();
        for (String question : questions) {
            alone.add(chat.ask("sprout", question, 64).text());
        }
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Chat.Answer>> together = questions.stream()
                    .map(question -> clients.submit(() -> chat.stream("sprout", question, 64)))
                    .toList();
            for (int i = 0; i < together.size(); i++) {
                assertEquals(alone.get(i), together.get(i).get().text(), questions.get(i));
            }
        }
    }

    @Test
    void logsHoldRequestIdsAndNoText() throws Exception {
        chat.post(Chat.request("sprout", "What is the capital of Xanadu-secret?", 20, ""));
        String log = daemon.log();
        assertFalse(log.contains("Xanadu"), log);
    }
}
