package io.vllmd.control.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Places;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PayloadTest {
    private static final ModelReports.Model MODEL = new ModelReports.Model(
            "sprout",
            ModelReports.State.SERVING,
            true,
            "/m",
            "qwen3",
            "8-bit",
            2048,
            15L << 30,
            new EngineReports.Figures(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0.5),
            1764000000L,
            "");

    @Test
    void reportsComeBackFromTheWire() throws Exception {
        var status = new Reports.Status(
                "0.1.0",
                1,
                42,
                3,
                "http://127.0.0.1:8000",
                "cpu",
                "text-default",
                null,
                new Reports.Status.Memory(1, 2, 3),
                MODEL.engine(),
                List.of(MODEL),
                List.of("a notice"),
                true);
        assertEquals(status, Reports.Status.from(wire(status.tree())));
        var version = new Reports.Version("0.1.0", 1, "0.32.4", 42);
        assertEquals(version, Reports.Version.from(wire(version.tree())));
        var models = new ModelReports.Models(List.of(MODEL));
        assertEquals(models, ModelReports.Models.from(wire(models.tree())));
        var served = new ModelReports.Served(
                List.of(new ModelReports.Served.ServedModel("sprout", true, List.of("small"), 2048)));
        assertEquals(served, ModelReports.Served.from(wire(served.tree())));
        var loaded = new ModelReports.Loaded("sprout", true, false, 1.0);
        assertEquals(loaded, ModelReports.Loaded.from(wire(loaded.tree())));
        var progress = new ModelReports.LoadProgress("sprout", "reading weights", 0.5);
        assertEquals(progress, ModelReports.LoadProgress.from(wire(progress.tree())));
        var unloaded = new ModelReports.Unloaded("sprout", 2, true);
        assertEquals(unloaded, ModelReports.Unloaded.from(wire(unloaded.tree())));
        var switched = new ModelReports.Switched("sprout", null);
        assertEquals(switched, ModelReports.Switched.from(wire(switched.tree())));
        var limits = new EngineReports.Limits(Map.of("max-batch", "8"), List.of("max-batch"));
        assertEquals(limits, EngineReports.Limits.from(wire(limits.tree())));
        var profiles = new ProfileReports.ProfileList(
                "a", List.of(new ProfileReports.ProfileList.Summary("a", "an a", false)));
        assertEquals(profiles, ProfileReports.ProfileList.from(wire(profiles.tree())));
    }

    @Test
    void aProfileIsToldWithWhatIsNotInForce() throws Exception {
        var settings = Settings.load(new Places(Path.of("/nowhere"), 106), Map.of(), Map.of());
        var detail = ProfileReports.ProfileDetail.of(settings.profiles().find("text-json"), true);
        assertEquals(detail, ProfileReports.ProfileDetail.from(wire(detail.tree())));
        assertEquals(0.9, detail.settings().get("sampling.top-p"));
        assertEquals("900s", detail.settings().get("timeout"));
        assertEquals("safe", detail.settings().get("repetition-guard"));
        assertEquals(1, detail.notInForce().size());
    }

    @Test
    void callsComeBackFromTheWire() throws Exception {
        var load = new Calls.Load("org/m", null, true);
        assertEquals(load, Calls.Load.from(wire(load.params())));
        var unload = new Calls.Unload("m", true);
        assertEquals(unload, Calls.Unload.from(wire(unload.params())));
        var limits = new Calls.Limits(Map.of("max-batch", "8"));
        assertEquals(limits, Calls.Limits.from(wire(limits.params())));
        assertEquals(new Calls.Limits(Map.of()), Calls.Limits.from(Map.of()));
        assertEquals(new Calls.Switch("m"), Calls.Switch.from(wire(new Calls.Switch("m").params())));
        assertEquals(new Calls.ShowProfile("p"), Calls.ShowProfile.from(wire(new Calls.ShowProfile("p").params())));
    }

    @Test
    void paramsThatAreMissingWrongOrUnknownAreNamed() {
        refused(Map.of(), "\"model\" must be a string; it is missing.");
        refused(Map.of("model", 5L), "\"model\" must be a string.");
        refused(Map.of("model", "m", "default", "yes"), "\"default\" must be true or false.");
        refused(Map.of("model", "m", "defualt", true), "did you mean \"default\"?");
    }

    private static void refused(Map<String, Object> params, String message) {
        var problem = assertThrows(ProblemException.class, () -> Calls.Load.from(params))
                .problem();
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertTrue(problem.message().contains(message), problem.message());
    }

    private static Map<String, Object> wire(Map<String, Object> tree) throws Json.JsonException {
        return Json.readObject(Json.write(tree));
    }
}
