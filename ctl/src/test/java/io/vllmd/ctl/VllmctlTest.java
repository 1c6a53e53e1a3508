package io.vllmd.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.control.protocol.EngineReports;
import io.vllmd.control.protocol.ErrorCode;
import io.vllmd.control.protocol.Message;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ModelReports;
import io.vllmd.control.protocol.ProfileReports;
import io.vllmd.control.protocol.Reports;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class VllmctlTest {
    private static final ModelReports.Model SPROUT = new ModelReports.Model(
            "sprout",
            ModelReports.State.SERVING,
            true,
            "/m",
            "qwen3",
            "8-bit",
            2048,
            15_600_000,
            new EngineReports.Figures(1, 2, 400, 1000, 250, 750, 0, 40, 30, 1_000, 600, 4_000_000, 0.25),
            0,
            "");

    @TempDir
    Path home;

    private Run.World world;
    private StandInDaemon daemon;

    @BeforeEach
    void startDaemon() throws Exception {
        world = new Run.World(home);
        daemon = new StandInDaemon(home.resolve("ctl.sock"), Methods.PROTOCOL);
    }

    @AfterEach
    void stopDaemon() throws Exception {
        daemon.close();
    }

    @Test
    void statusFitsOneScreenAndNamesWhatIsOff() {
        daemon.answer(Methods.STATUS, status(List.of("profile text-json: timeout is not in force"), false));
        var run = world.run("status");
        assertEquals(ExitCode.OK, run.exit(), run.err());
        assertTrue(run.out().startsWith("vllmd 9.8.7 is running for 1 h 1 min, process 42\n"), run.out());
        assertTrue(run.out().contains("http://127.0.0.1:8000"), run.out());
        assertTrue(run.out().contains("sprout serving, 15.6 MB (8-bit), context 2048, 1 running, 2 queued"), run.out());
        assertTrue(
                run.out()
                        .contains(
                                "engine   1000 tokens in 400 steps, 0.25 ms of each on the host; 1.0 kB of 4.0 MB"
                                        + " keys and values, 600 B of it idle prefixes; 75 % of prompt tokens reused; 75 % of 40 guessed tokens right\n"),
                run.out());
        assertTrue(run.out().contains("note     profile text-json: timeout is not in force"), run.out());
        assertFalse(run.out().contains("\033"), "no colour where nobody looks");
    }

    @Test
    void aDegradedDaemonIsToldByTheExitCode() {
        daemon.answer(Methods.STATUS, status(List.of("model x failed"), true));
        assertEquals(ExitCode.DEGRADED, world.run("status").exit());
        assertEquals(ExitCode.DEGRADED, world.run("status", "--json").exit());
        assertEquals(List.of("degraded"), world.run("status", "-q").lines());
    }

    @Test
    void aTerminalGetsBoldUnlessItDeclines() {
        daemon.answer(Methods.STATUS, status(List.of(), false));
        world.terminal = true;
        assertTrue(world.run("status").out().contains("\033[1mvllmd"));
        world.environment.put("NO_COLOR", "1");
        assertFalse(world.run("status").out().contains("\033"));
    }

    @Test
    void psIsATableNamesOrJson() throws Exception {
        daemon.answer(Methods.PS, new ModelReports.Models(List.of(SPROUT)).tree());
        var lines = world.run("ps").lines();
        assertEquals("MODEL     STATE    WEIGHTS  CACHE   CONTEXT  RUNNING  QUEUED  REUSED  FORMAT", lines.get(0));
        assertEquals(
                "sprout *  serving  15.6 MB  1.0 kB  2048     1        2       75 %    qwen3, 8-bit", lines.get(1));
        assertEquals(List.of("sprout"), world.run("ps", "--quiet").lines());
        var json = world.run("--json", "ps").json();
        assertEquals(1L, json.get("schema"));
        assertEquals("ps", json.get("command"));
        assertEquals(List.of(SPROUT.tree().get("id")), ids(json));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ps", "models"})
    void anEmptyAnswerNamesTheNextCommand(String command) {
        daemon.answer(command, Map.of("models", List.of()));
        var run = world.run(command);
        assertEquals(ExitCode.OK, run.exit());
        assertTrue(run.out().contains("vllmctl load MODEL"), run.out());
    }

    @Test
    void modelsNamesAliases() {
        daemon.answer(
                Methods.MODELS,
                new ModelReports.Served(
                                List.of(new ModelReports.Served.ServedModel("sprout", true, List.of("a", "b"), 2048)))
                        .tree());
        assertEquals("sprout *  a, b  2048", world.run("models").lines().get(1));
    }

    @Test
    void loadShowsProgressOnStandardErrorOnly() {
        daemon.script(
                Methods.LOAD,
                request -> List.of(
                        progress("reading weights", 0.1),
                        progress("reading weights", 0.6),
                        progress("warming up", 0.9),
                        new Message.Result(request.id(), new ModelReports.Loaded("sprout", true, false, 1.25).tree())));
        var run = world.run("load", "sprout", "--default");
        assertEquals(ExitCode.OK, run.exit());
        assertEquals(List.of("sprout serves and is the default after 1.3 s."), run.lines());
        assertEquals("sprout: reading weights\nsprout: warming up\n", run.err());
        world.terminal = true;
        var bar = world.run("load", "sprout").err();
        assertTrue(bar.contains("\r[##################............]  60 %  reading weights\033[K"), bar);
        assertTrue(bar.endsWith("\r\033[K"), "the bar is cleared");
        assertEquals("", world.run("load", "sprout", "--quiet").err());
        assertEquals("", world.run("load", "sprout", "--json").err());
    }

    @Test
    void loadSendsFoldersInFullAndRepositoriesAsTheyAre() throws Exception {
        daemon.answer(Methods.LOAD, new ModelReports.Loaded("x", false, true, 0).tree());
        Path here = Files.createDirectories(home.resolve("mine").resolve("model"));
        Files.writeString(here.resolve("config.json"), "{}");
        world.run("load", "mine/model");
        world.run("load", "./other");
        world.run("load", "org/model");
        world.run("load", "/x", "--name", "n", "--default");
        var calls = daemon.asked.stream()
                .filter(r -> r.method().equals(Methods.LOAD))
                .map(Message.Request::params)
                .toList();
        assertEquals(
                List.of(here.toString(), home.resolve("other").toString(), "org/model", "/x"),
                calls.stream().map(c -> c.get("model")).toList());
        assertEquals(Map.of("model", "/x", "name", "n", "default", true), calls.get(3));
    }

    @Test
    void aLoadThatWasDoneAlreadySaysSoAndHowToSwitch() {
        daemon.answer(Methods.LOAD, new ModelReports.Loaded("sprout", false, true, 0).tree());
        assertEquals(
                List.of("sprout was loaded already.", "Make it the default: vllmctl switch sprout"),
                world.run("load", "sprout").lines());
    }

    @Test
    void unloadAndSwitchTellWhatChanged() {
        daemon.answer(Methods.UNLOAD, new ModelReports.Unloaded("sprout", 2, true).tree());
        var lines = world.run("unload", "sprout", "--force").lines();
        assertEquals("sprout is unloaded; 2 requests were cancelled.", lines.get(0));
        assertTrue(lines.get(1).contains("vllmctl switch MODEL"), lines.get(1));
        assertEquals(true, daemon.asked.getLast().params().get("force"));
        daemon.answer(Methods.SWITCH, new ModelReports.Switched("b", "a").tree());
        assertEquals(
                List.of("b is the default from the next request on; before it was a."),
                world.run("switch", "b").lines());
    }

    @Test
    void profilesAreListedAndShownWithWhatIsNotInForce() {
        daemon.answer(
                Methods.PROFILE_LIST,
                new ProfileReports.ProfileList(
                                "a",
                                List.of(
                                        new ProfileReports.ProfileList.Summary("a", "an a", true),
                                        new ProfileReports.ProfileList.Summary("b", "a b", false)))
                        .tree());
        assertEquals(
                List.of("a *      all       an a", "b        in part   a b"),
                world.run("profile", "list").lines().subList(1, 3));
        assertEquals(List.of("a", "b"), world.run("profile", "list", "-q").lines());
        daemon.answer(
                Methods.PROFILE_SHOW,
                new ProfileReports.ProfileDetail(
                                "b",
                                "a b",
                                false,
                                Map.of("sampling.top-p", 0.9),
                                List.of(new ProfileReports.ProfileDetail.Missing("timeout", "not yet")))
                        .tree());
        var run = world.run("profile", "show", "b");
        assertEquals("b: a b", run.lines().get(0));
        assertTrue(run.out().contains("sampling.top-p  0.9"), run.out());
        assertTrue(run.out().contains("not in force: timeout (not yet)"), run.out());
        assertEquals(Map.of("name", "b"), daemon.asked.getLast().params());
    }

    @ParameterizedTest
    @CsvSource({
        "INVALID, 1",
        "INTERNAL, 1",
        "METHOD_NOT_FOUND, 1",
        "NOT_FOUND, 4",
        "CONFLICT, 5",
        "BUSY, 5",
        "TOO_LARGE, 5",
        "UNSUPPORTED, 5",
        "UNAVAILABLE, 5",
    })
    void eachErrorOfTheDaemonHasItsExitCode(ErrorCode code, int exit) throws Exception {
        daemon.fail(Methods.SWITCH, code.code(), "no model \"x\"", Map.of("kind", "some_kind"));
        var run = world.run("switch", "x");
        assertEquals(exit, run.exit());
        assertEquals("", run.out());
        assertEquals("vllmctl: no model \"x\"\n", run.err());
        var json = world.run("switch", "x", "--json");
        assertEquals(exit, json.exit());
        assertEquals("", json.err());
        assertEquals(
                Map.of("kind", "some_kind", "message", "no model \"x\"", "exit", (long) exit),
                json.json().get("error"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "                     | A command is missing",
                "statsu               | did you mean \"status\"?",
                "profile              | vllmctl profile list",
                "profile shwo         | did you mean \"show\"?",
                "service              | vllmctl service install",
                "load                 | MODEL",
                "load a b             | b",
                "status --jsno        | --jsno",
                "status --timeout 0   | whole seconds",
                "status --timeout x   | --timeout",
            })
    void wrongUsageSaysWhatIsRight(String arguments, String part) {
        var run = world.run(arguments == null ? new String[0] : arguments.split(" "));
        assertEquals(ExitCode.USAGE, run.exit(), run.err());
        assertTrue(run.err().contains(part), run.err());
        assertFalse(run.err().contains("Exception"), run.err());
        assertEquals("", run.out());
    }

    @Test
    void helpTellsEveryCommand() {
        var run = world.run("--help");
        assertEquals(ExitCode.OK, run.exit());
        for (String command : List.of(
                "status", "ps", "models", "list", "load", "unload", "switch", "profile", "service", "version")) {
            assertTrue(run.out().contains("\n  " + command + " "), command + " is missing: " + run.out());
        }
        assertTrue(world.run("load", "--help").out().contains("--name=NAME"));
    }

    @Test
    void withoutADaemonItSaysHowToStartOne() throws Exception {
        daemon.close();
        var stale = world.run("status");
        assertEquals(ExitCode.NOT_RUNNING, stale.exit(), "a stale socket");
        assertTrue(stale.err().contains(home.resolve("ctl.sock").toString()), stale.err());
        assertTrue(stale.err().contains("vllmctl service start"), stale.err());
        Files.delete(home.resolve("ctl.sock"));
        assertEquals(ExitCode.NOT_RUNNING, world.run("ps").exit(), "no socket");
        var version = world.run("version");
        assertEquals(ExitCode.OK, version.exit());
        assertTrue(version.out().contains("vllmd is not running"), version.out());
    }

    @Test
    void aDaemonOfAnotherProtocolIsAskedForNothingElse() throws Exception {
        daemon.close();
        Files.delete(home.resolve("ctl.sock"));
        daemon = new StandInDaemon(home.resolve("ctl.sock"), Methods.PROTOCOL + 1);
        var run = world.run("unload", "sprout");
        assertEquals(ExitCode.FAILED, run.exit());
        assertTrue(run.err().contains("vllmd 9.8.7 and speaks protocol " + (Methods.PROTOCOL + 1)), run.err());
        assertEquals(
                List.of("version"),
                daemon.asked.stream().map(Message.Request::method).toList());
        assertTrue(world.run("version").out().contains("vllmd 9.8.7"));
    }

    @Test
    void anAnswerThatDoesNotComeTimesOut() {
        var never = new CountDownLatch(1);
        daemon.script(Methods.STATUS, request -> {
            try {
                never.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return List.of();
        });
        var run = world.run("status", "--timeout", "1");
        never.countDown();
        assertEquals(ExitCode.TIMED_OUT, run.exit(), run.err());
        assertTrue(run.err().contains("--timeout SECONDS"), run.err());
    }

    @Test
    void aDaemonThatDiesMeanwhileAndOneThatIsNoneAreToldApart() throws Exception {
        var gone = world.run("status");
        assertEquals(ExitCode.FAILED, gone.exit());
        assertTrue(gone.err().contains("closed the connection before it answered"), gone.err());
        daemon.close();
        Files.delete(home.resolve("ctl.sock"));
        try (var other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            other.bind(UnixDomainSocketAddress.of(home.resolve("ctl.sock")));
            Thread.ofVirtual().start(() -> {
                try (var client = other.accept()) {
                    client.write(
                            java.nio.ByteBuffer.wrap("220 smtp\n".getBytes(java.nio.charset.StandardCharsets.UTF_8)));
                    client.read(java.nio.ByteBuffer.allocate(100));
                } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            var foreign = world.run("status");
            assertEquals(ExitCode.FAILED, foreign.exit());
            assertTrue(foreign.err().contains("is no vllmd"), foreign.err());
        }
    }

    @Test
    void aSocketPathThatIsTooLongIsNamed() {
        world.environment.put("VLLMD_HOME", "/" + "x".repeat(120));
        var run = world.run("status");
        assertEquals(ExitCode.FAILED, run.exit());
        assertTrue(run.err().contains("VLLMD_HOME"), run.err());
    }

    @Test
    void listNeedsNoDaemon() throws Exception {
        daemon.close();
        var empty = world.run("list");
        assertEquals(ExitCode.OK, empty.exit());
        assertTrue(empty.out().contains("hf download"), empty.out());
        Path snapshot = Files.createDirectories(
                home.resolve(".cache/huggingface/hub/models--org--name/snapshots/0123456789abcdef"));
        Files.writeString(snapshot.resolve("config.json"), "{}");
        assertEquals("org/name  2 B   01234567", world.run("list").lines().get(1));
        assertEquals(List.of("org/name"), world.run("list", "-q").lines());
        assertEquals(List.of("org/name"), ids(world.run("list", "--json").json()));
    }

    private static List<Object> ids(Map<String, Object> json) {
        return ((List<?>) java.util.Objects.requireNonNull(json.get("models")))
                .stream()
                        .map(m -> (Object) String.valueOf(((Map<?, ?>) m).get("id")))
                        .toList();
    }

    private static Message progress(String stage, double fraction) {
        return new Message.Notification(
                Methods.LOAD_PROGRESS, new ModelReports.LoadProgress("sprout", stage, fraction).tree());
    }

    private static Map<String, Object> status(List<String> notices, boolean degraded) {
        return new Reports.Status(
                        "9.8.7",
                        Methods.PROTOCOL,
                        42,
                        3661,
                        "http://127.0.0.1:8000",
                        "cpu",
                        "text-default",
                        "sprout",
                        new Reports.Status.Memory(16_000_000, 0, 20_000_000),
                        SPROUT.engine(),
                        List.of(SPROUT),
                        notices,
                        degraded)
                .tree();
    }
}
