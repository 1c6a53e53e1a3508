package io.vllmd.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class LiveEngineSettingsTest {
    private final Settings settings =
            Settings.load(new Places(Path.of("/nowhere"), 100), Map.of("VLLMD_ENGINE_QUEUE", "7"), Map.of());
    private final LiveEngineSettings live = settings.liveEngine();

    private Problem refused(Map<String, ?> changes) {
        EngineSettings before = live.current();
        Problem problem = assertThrows(
                        ProblemException.class, () -> live.change(changes, "vllmctl", now -> assertTrue(false)))
                .problem();
        assertEquals(before, live.current());
        return problem;
    }

    @Test
    void aChangeIsReadLikeAFileAndHandedToWhoAppliesIt() {
        List<EngineSettings> applied = new ArrayList<>();
        live.change(
                Map.of(
                        "engine.max-batch",
                        "8",
                        "prefill-budget",
                        "50ms",
                        "default-max-tokens",
                        100,
                        "stall-timeout",
                        "none"),
                "vllmctl",
                applied::add);
        assertEquals(List.of(live.current()), applied);
        assertEquals(8, settings.engine().maxBatch());
        assertEquals(7, settings.engine().queue());
        assertEquals(Duration.ofMillis(50), settings.engine().prefillBudget());
        assertEquals(100, settings.engine().defaultMaxTokens());
        assertNull(settings.engine().stallTimeout());
        assertEquals(List.of("queue"), live.change(Map.of("queue", "9", "max-batch", "8"), "vllmctl", applied::add));
        assertEquals(8, settings.engine().maxBatch());
        assertEquals(9, settings.engine().queue());
    }

    @Test
    void whatIsLiveIsShownAsItWouldBeWritten() {
        live.change(Map.of("prefill-budget", "50ms"), "vllmctl", now -> {});
        assertEquals(EngineSettings.LIVE, live.live().keySet());
        assertEquals("50ms", live.live().get("prefill-budget"));
        assertEquals("7", live.live().get("queue"));
        assertEquals("none", live.live().get("default-max-tokens"));
        live.change(live.live(), "vllmctl", now -> assertEquals(live.current(), now));
    }

    @Test
    void oneBadValueChangesNothingAndAllFaultsAreTold() {
        Problem problem = refused(Map.of(
                "max-batch", "0", "queue", "10", "prefil-chunk", "5", "device", "gpu", "prefill-budget", "soon"));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        for (String part : List.of(
                "vllmctl: engine.max-batch is \"0\"; it takes a whole number from 1 to 512.",
                "there is no setting engine.prefil-chunk; did you mean \"prefill-chunk\"?",
                "engine.device is read at start",
                "engine.prefill-budget is \"soon\"")) {
            assertTrue(problem.message().contains(part), problem.message());
        }
        assertEquals(7, live.current().queue());
    }

    @Test
    void whoAppliesMayRefuse() {
        Problem no = Problem.of(Problem.Kind.INVALID, "not that");
        assertThrows(
                ProblemException.class,
                () -> live.change(Map.of("queue", "10"), "vllmctl", now -> {
                    throw no.asException();
                }));
        assertEquals(7, live.current().queue());
        assertEquals("7", live.live().get("queue"));
    }

    @Test
    void aValueOfAnyShapeIsReadOrRefused() {
        assertTrue(refused(Map.of("queue", List.of(1))).message().contains("engine.queue"));
        assertTrue(refused(Map.of("queue", Map.of("a", 1))).message().contains("engine.queue"));
        live.change(Map.of(), "vllmctl", now -> {});
        assertEquals(new TreeSet<>(EngineSettings.LIVE), live.live().keySet());
    }
}
