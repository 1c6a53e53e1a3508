package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.scenario.DaemonProcess.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** vllmctl against a daemon that answers meanwhile. */
class SteeringIT {
    private static final Path SPROUT = DaemonProcess.LAYOUT.resolve("share/sprout");

    @TempDir
    private Path home;

    @Test
    void loadingUnloadingAndSwitchingNeitherDropNorAlterAStream() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home);
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            Chat chat = new Chat(daemon.base());
            List<String> questions = List.of(
                    "Tell me a short story about a cat.",
                    "Write a short poem about the sea.",
                    "Tell me a short story about a river.",
                    "Write a short poem about bread.");
            List<String> undisturbed = new ArrayList<>();
            for (String question : questions) {
                undisturbed.add(chat.ask("sprout", question, 300).text());
            }
            CountDownLatch streaming = new CountDownLatch(questions.size());
            List<Future<List<String>>> streams = new ArrayList<>();
            for (String question : questions) {
                streams.add(clients.submit(() -> {
                    List<String> texts = new ArrayList<>();
                    for (int round = 0; round < 4; round++) {
                        boolean[] first = {round == 0};
                        texts.add(chat.stream("sprout", question, 300, chunk -> {
                                    if (first[0]) {
                                        first[0] = false;
                                        streaming.countDown();
                                    }
                                })
                                .text());
                    }
                    return texts;
                }));
            }
            streaming.await();
            assertOk(daemon.ctl("load", SPROUT.toString(), "--name", "second"));
            assertOk(daemon.ctl("switch", "second"));
            assertEquals(200, chat.ask("second", "Who are you?", 20).status());
            assertOk(daemon.ctl("switch", "sprout"));
            assertOk(daemon.ctl("unload", "second"));
            assertEquals(404, chat.ask("second", "Who are you?", 20).status());

            for (int i = 0; i < streams.size(); i++) {
                for (String text : streams.get(i).get()) {
                    assertEquals(undisturbed.get(i), text);
                }
            }
        }
    }

    @Test
    void statusPsAndModelsTellWhatIsThere() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Outcome status = daemon.ctl("status");
            assertOk(status);
            assertTrue(status.out().contains(daemon.base()), status.out());
            assertTrue(daemon.ctl("ps").out().contains("sprout"));
            assertTrue(daemon.ctl("models").out().contains("sprout"));
            for (String command : List.of("status", "ps", "models", "version")) {
                assertTrue(daemon.ctl(command, "--json").out().strip().startsWith("{"), command);
            }
            assertTrue(daemon.ctl("profile", "list").out().contains("text-deterministic"));
            assertTrue(daemon.ctl("profile", "show", "mllm-default").out().contains("not"));
            assertEquals(4, daemon.ctl("profile", "show", "text-defautl").exit());
        }
    }

    @Test
    void withoutADefaultTheAnswerIs503AndNamesTheWayOut() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Chat chat = new Chat(daemon.base());
            assertOk(daemon.ctl("unload", "sprout"));
            Chat.Answer none = chat.ask("default", "Hello", 10);
            assertEquals(503, none.status());
            assertTrue(none.raw().contains("vllmctl load"), none.raw());
            assertOk(daemon.ctl("load", "sprout"));
            assertEquals(200, chat.ask("default", "Hello", 10).status());
        }
    }

    @Test
    void twoLoadsOfOneModelAreOne() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home);
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Outcome>> loads = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                loads.add(clients.submit(() -> daemon.ctl("load", SPROUT.toString(), "--name", "twin")));
            }
            for (Future<Outcome> load : loads) {
                assertOk(load.get());
            }
            String log = daemon.log();
            assertEquals(
                    1,
                    log.lines()
                            .filter(line -> line.contains("loaded twin from"))
                            .count(),
                    log);
        }
    }

    @Test
    void aLoadThatFailsKeepsTheOldDefault() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Path broken = Files.createDirectory(home.resolve("broken"));
            for (String file :
                    List.of("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")) {
                Files.copy(SPROUT.resolve(file), broken.resolve(file));
            }
            byte[] weights = Files.readAllBytes(SPROUT.resolve("model.safetensors"));
            Files.write(
                    broken.resolve("model.safetensors"), java.util.Arrays.copyOf(weights, weights.length - 100_000));

            Outcome failed = daemon.ctl("load", broken.toString(), "--default");
            assertEquals(1, failed.exit(), failed.toString());
            assertTrue(failed.err().contains("model.safetensors"), failed.err());
            assertEquals(
                    4,
                    daemon.ctl("load", home.resolve("nothing-here").toString()).exit());
            assertEquals(
                    200, new Chat(daemon.base()).ask("default", "Hello", 10).status());
        }
    }

    @Test
    void whatIsLoadedComesBackAfterAKill() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            assertOk(daemon.ctl("load", SPROUT.toString(), "--name", "second", "--default"));
            daemon.kill();
        }
        try (DaemonProcess again = DaemonProcess.start(home)) {
            Chat chat = new Chat(again.base());
            assertEquals(200, chat.ask("sprout", "Hello", 10).status());
            assertEquals(200, chat.ask("second", "Hello", 10).status());
            String models = chat.get("/v1/models").raw();
            assertTrue(
                    models.indexOf("\"second\"") < models.indexOf("\"sprout\""), "the default comes first: " + models);
        }
    }

    @Test
    void aStopWaitsForWhatRuns() throws Exception {
        DaemonProcess daemon = DaemonProcess.start(home);
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            Chat chat = new Chat(daemon.base());
            String alone = chat.ask("sprout", "Tell me a short story about a cat.", 300)
                    .text();
            CountDownLatch begun = new CountDownLatch(1);
            Future<Chat.Answer> stream = clients.submit(
                    () -> chat.stream("sprout", "Tell me a short story about a cat.", 300, chunk -> begun.countDown()));
            begun.await();
            assertEquals(0, daemon.stop());
            assertEquals(alone, stream.get().text());
        } finally {
            daemon.close();
        }
    }

    private static void assertOk(Outcome outcome) {
        assertEquals(0, outcome.exit(), outcome.toString());
    }
}
