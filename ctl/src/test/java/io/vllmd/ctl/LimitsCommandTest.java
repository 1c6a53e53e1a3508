package io.vllmd.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.control.protocol.EngineReports;
import io.vllmd.control.protocol.ErrorCode;
import io.vllmd.control.protocol.Methods;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LimitsCommandTest {
    private static final Map<String, String> LIMITS = new TreeMap<>(Map.of("max-batch", "8", "queue", "64"));

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

    private void answer(String... changed) {
        daemon.answer(Methods.LIMITS, new EngineReports.Limits(LIMITS, List.of(changed)).tree());
    }

    @Test
    void withoutAChangeTheLimitsAreShown() {
        answer();
        var lines = world.run("limits").lines();
        assertEquals("LIMIT      VALUE", lines.get(0));
        assertEquals("max-batch  8", lines.get(1));
        assertEquals("queue      64", lines.get(2));
        assertEquals(Map.of("set", Map.of()), daemon.asked.getLast().params());
    }

    @Test
    void changesAreSentAsTheyStandAndToldWithHowLongTheyHold() {
        answer("max-batch");
        var run = world.run("limits", "max-batch=8", "engine.prefill-budget = 50ms");
        assertEquals(ExitCode.OK, run.exit(), run.err());
        assertEquals(
                Map.of("set", Map.of("max-batch", "8", "engine.prefill-budget", "50ms")),
                daemon.asked.getLast().params());
        assertTrue(run.out().startsWith("engine.max-batch = 8\n"), run.out());
        assertTrue(run.out().contains("until the daemon stops"), run.out());
        assertEquals(
                List.of("max-batch"), world.run("limits", "max-batch=8", "-q").lines());
        assertTrue(world.run("limits", "max-batch=8", "--json").out().contains("\"changed\":[\"max-batch\"]"));
    }

    @Test
    void aChangeToWhatIsThereAlreadySaysSo() {
        answer();
        assertTrue(world.run("limits", "queue=64").out().startsWith("Nothing changed"));
    }

    @Test
    void whatIsNoChangeIsAUsageErrorAndNothingIsSent() {
        answer();
        for (String word : List.of("max-batch", "=8")) {
            var run = world.run("limits", "queue=1", word);
            assertEquals(ExitCode.USAGE, run.exit());
            assertTrue(run.err().contains("\"" + word + "\""), run.err());
        }
        assertTrue(daemon.asked.stream().noneMatch(call -> call.method().equals(Methods.LIMITS)));
    }

    @Test
    void theDaemonsRefusalIsToldInItsWords() {
        daemon.fail(Methods.LIMITS, ErrorCode.INVALID.code(), "engine.max-batch is 0", Map.of());
        var run = world.run("limits", "max-batch=0");
        assertEquals(ErrorCode.INVALID.exit(), run.exit());
        assertTrue(run.err().contains("engine.max-batch is 0"), run.err());
    }
}
