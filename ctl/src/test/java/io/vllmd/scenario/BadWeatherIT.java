package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.scenario.DaemonProcess.Outcome;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each kind of bad luck gets a clear word for the right person, and the daemon keeps serving. */
class BadWeatherIT {
    private static final Path SPROUT = DaemonProcess.LAYOUT.resolve("share/sprout");

    @TempDir
    private Path home;

    @TempDir
    private Path other;

    @Test
    void aTakenPortIsNamed() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            String port = String.valueOf(URI.create(daemon.base()).getPort());
            Outcome second = DaemonProcess.run(other, "vllmd", "--port", port);
            assertEquals(1, second.exit(), second.toString());
            assertTrue(second.err().contains(port) && second.err().contains("--port"), second.err());
            assertNoTrace(second);
        }
    }

    @Test
    void aSecondDaemonOfOneHomeIsRefusedWithTheFirstOnesPid() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Outcome second = DaemonProcess.run(home, "vllmd", "--port", "0");
            assertEquals(1, second.exit(), second.toString());
            assertTrue(second.err().contains(String.valueOf(daemon.process().pid())), second.err());
            assertNoTrace(second);
            assertEquals(
                    200, new Chat(daemon.base()).ask("default", "Hello", 10).status());
        }
    }

    @Test
    void aStaleSocketIsNoObstacle() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            daemon.kill();
        }
        assertTrue(Files.exists(home.resolve("ctl.sock")));
        assertEquals(3, DaemonProcess.ctl(home, "status").exit());
        try (DaemonProcess again = DaemonProcess.start(home)) {
            assertEquals(0, again.ctl("status").exit());
        }
    }

    @Test
    void wrongArgumentsAreUsageErrors() throws Exception {
        Outcome flag = DaemonProcess.run(home, "vllmd", "--prot", "1");
        assertEquals(2, flag.exit());
        assertTrue(flag.err().contains("--port"), flag.err());
        Outcome port = DaemonProcess.run(home, "vllmd", "--port", "70000");
        assertEquals(2, port.exit());
        assertTrue(port.err().contains("70000") && port.err().contains("65535"), port.err());
        Outcome profile = DaemonProcess.run(home, "vllmd", "--profile", "text-defautl");
        assertFalse(profile.exit() == 0);
        assertTrue(profile.err().contains("text-default"), profile.err());
        Outcome key = DaemonProcess.run(home, "vllmd", "--set", "server.prot=1");
        assertEquals(2, key.exit());
        assertTrue(key.err().contains("server.prot"), key.err());
        for (Outcome outcome : List.of(flag, port, profile, key)) {
            assertNoTrace(outcome);
        }
    }

    @Test
    void aHomeTooDeepForASocketSaysSo() throws Exception {
        Path deep = Files.createDirectories(home.resolve("x".repeat(110)));
        Outcome outcome = DaemonProcess.run(deep, "vllmd", "--port", "0");
        assertFalse(outcome.exit() == 0);
        assertTrue(outcome.err().contains("VLLMD_HOME"), outcome.err());
        assertNoTrace(outcome);
    }

    @Test
    void aModelThatCannotBeLoadedIsToldAndTheOthersServe() throws Exception {
        Path empty = Files.createDirectory(home.resolve("empty"));
        Path foreign = Files.createDirectory(home.resolve("foreign"));
        copySprout(foreign);
        Files.writeString(
                foreign.resolve("config.json"),
                Files.readString(foreign.resolve("config.json")).replace("\"qwen3\"", "\"mamba9\""));
        Path raising = Files.createDirectory(home.resolve("raising"));
        copySprout(raising);
        Files.writeString(raising.resolve("chat_template.jinja"), "{{ raise_exception('only on Sundays') }}");
        try (DaemonProcess daemon = DaemonProcess.start(home, "--model", raising.toString(), empty.toString())) {
            Chat chat = new Chat(daemon.base());
            Outcome status = daemon.ctl("status");
            assertEquals(7, status.exit(), status.toString());
            assertTrue(status.out().contains("config.json"), status.out());

            Outcome unsupported = daemon.ctl("load", foreign.toString());
            assertEquals(5, unsupported.exit(), unsupported.toString());
            assertTrue(unsupported.err().contains("mamba9") && unsupported.err().contains("qwen3"), unsupported.err());

            Chat.Answer raised = chat.ask("raising", "Hello", 10);
            assertEquals(400, raised.status(), raised.raw());
            assertTrue(raised.raw().contains("only on Sundays"), raised.raw());
        }
    }

    @Test
    void aHomeThatIsNotAsciiWorksInEveryLocale() throws Exception {
        Path odd = Files.createDirectories(home.resolve("zu Hause bei Łukasz"));
        try (DaemonProcess daemon =
                DaemonProcess.start(DaemonProcess.LAYOUT.resolve("bin/vllmd"), odd, Map.of("LC_ALL", "C"))) {
            assertEquals(0, daemon.ctl("status").exit());
        }
    }

    @Test
    void aPipeInThePlaceOfAFileFailsTheLoadAndHoldsUpNobody() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            // As many as there are threads for requests: each once held one for good.
            for (int i = 0; i <= Runtime.getRuntime().availableProcessors(); i++) {
                Path pipe = Files.createDirectory(home.resolve("pipe" + i));
                copySprout(pipe);
                String file = i == 0 ? "generation_config.json" : "tokenizer.json";
                Files.delete(pipe.resolve(file));
                new ProcessBuilder("mkfifo", pipe.resolve(file).toString())
                        .inheritIO()
                        .start()
                        .waitFor();
                Outcome load = daemon.ctl("load", pipe.toString());
                // Without generation_config.json a model works; without a tokenizer none does.
                assertEquals(i == 0 ? 0 : 4, load.exit(), load.toString());
                assertTrue(i == 0 || load.err().contains("tokenizer.json"), load.err());
            }
            assertEquals(200, new Chat(daemon.base()).ask("sprout", "Hello", 5).status());
        }
    }

    @Test
    void aDiskThatRefusesTheStateIsADegradedDaemonNotADeadOne() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            // A folder in the way of the file: what a full disk does, and root is not exempt from it.
            Files.createDirectories(home.resolve("state.json.new/in-the-way"));
            String before = Files.readString(home.resolve("state.json"));
            assertEquals(
                    0, daemon.ctl("load", SPROUT.toString(), "--name", "second").exit());
            Outcome status = daemon.ctl("status");
            assertEquals(7, status.exit(), status.toString());
            assertTrue(status.out().contains("state.json"), status.out());
            assertEquals(200, new Chat(daemon.base()).ask("second", "Hello", 10).status());
            assertEquals(before, Files.readString(home.resolve("state.json")));
        }
    }

    @Test
    void badRequestsAreRefusedByName() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home)) {
            Chat chat = new Chat(daemon.base());
            Map<String, String> subjectByBody = Map.of(
                    "{\"model\":\"default\",",
                    "JSON",
                    "{\"model\":\"default\",\"messages\":[]}",
                    "messages",
                    Chat.request("default", "Hello", 0, ""),
                    "max_tokens",
                    Chat.request("default", "Hello", -5, ""),
                    "max_tokens",
                    Chat.request("default", "Hello", 5, ",\"top_p\":0"),
                    "top_p",
                    Chat.request("default", "Hello", 5, ",\"presence_penalty\":3"),
                    "presence_penalty",
                    "{\"model\":\"sprout\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                            + "\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]}]}",
                    "image");
            for (Map.Entry<String, String> request : subjectByBody.entrySet()) {
                Chat.Answer answer = chat.post(request.getKey());
                assertEquals(400, answer.status(), answer.raw());
                assertTrue(answer.raw().contains(request.getValue()), answer.raw());
            }
            assertEquals(404, chat.ask("nobody", "Hello", 5).status());
            assertEquals(200, chat.ask("default", "Hello", 5).status());
        }
    }

    @Test
    void strictModeTakesByteEqualIdsOnly() throws Exception {
        try (DaemonProcess daemon = DaemonProcess.start(home, "--set", "server.strict-model-id=true")) {
            Chat chat = new Chat(daemon.base());
            assertEquals(200, chat.ask("sprout", "Hello", 5).status());
            assertEquals(404, chat.ask("default", "Hello", 5).status());
            assertEquals(404, chat.ask("Sprout", "Hello", 5).status());
        }
    }

    private static void copySprout(Path to) throws IOException {
        for (String file : List.of(
                "config.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "generation_config.json",
                "model.safetensors")) {
            Files.copy(SPROUT.resolve(file), to.resolve(file));
        }
    }

    private static void assertNoTrace(Outcome outcome) {
        assertFalse(outcome.err().contains("\tat "), outcome.err());
    }
}
