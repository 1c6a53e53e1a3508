package io.vllmd.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingsTest {
    @TempDir
    Path home;

    @Test
    void withoutAnyFileTheReferenceHolds() {
        var settings = load(Map.of(), Map.of());
        assertEquals("127.0.0.1", settings.server().host());
        assertEquals(8000, settings.server().port());
        assertEquals(20 << 20, settings.server().maxBodySize());
        assertEquals(Duration.ofSeconds(10), settings.server().headerTimeout());
        assertEquals(List.of(), settings.server().corsOrigins());
        assertEquals(EngineSettings.Device.AUTO, settings.engine().device());
        assertEquals(Duration.ofMillis(100), settings.engine().prefillBudget());
        assertNull(settings.engine().defaultMaxTokens());
        assertEquals(List.of("sprout"), settings.models().initial());
        assertEquals("text-default", settings.profile().name());
    }

    @Test
    void commandLineBeatsEnvironmentBeatsUserFileBeatsReference() throws IOException {
        write("server { port = 1, max-connections = 1, host = \"::1\" }");
        var settings =
                load(Map.of("VLLMD_SERVER_PORT", "2", "VLLMD_SERVER_MAX_CONNECTIONS", "2"), Map.of("server.port", "3"));
        assertEquals(3, settings.server().port());
        assertEquals(2, settings.server().maxConnections());
        assertEquals("::1", settings.server().host());
        assertEquals(16 << 10, settings.server().maxHeaderSize());
    }

    @Test
    void textBecomesListsMapsAndNone() {
        var settings = load(
                Map.of(
                        "VLLMD_MODELS_ALIASES",
                        "gpt-4o=sprout, small=sprout",
                        "VLLMD_ENGINE_DEFAULT_MAX_TOKENS",
                        "none"),
                Map.of("models.default", List.of("org/a", "/b,c"), "server.cors-origins", "http://a,http://b"));
        assertEquals(
                Map.of("gpt-4o", "sprout", "small", "sprout"), settings.models().aliases());
        assertNull(settings.engine().defaultMaxTokens());
        assertEquals(List.of("org/a", "/b,c"), settings.models().initial());
        assertEquals(List.of("http://a", "http://b"), settings.server().corsOrigins());
    }

    @Test
    void draftModelsAreNamedByTheModelTheyGuessFor() throws IOException {
        write("models.drafts { \"qwen3-0.6b\" = /models/tiny, sprout = draft }");
        assertEquals(
                Map.of("qwen3-0.6b", "/models/tiny", "sprout", "draft"),
                load(Map.of(), Map.of()).models().drafts());
    }

    @Test
    void aliasesTakeNamesWithDots() throws IOException {
        write("models.aliases { \"gpt-4.1\" = sprout }");
        assertEquals(
                Map.of("gpt-4.1", "sprout"), load(Map.of(), Map.of()).models().aliases());
    }

    @Test
    void allFaultsAreToldTogetherWithFileAndLine() throws IOException {
        write("server.port = 99999\nserver.prot = 1\nengine {\n  max-batch = many\n}\n");
        var problem = refused(Map.of("VLLMD_ENGINE_QEUE", "1"), Map.of("control.read-timeout", "1ms"));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        String file = home.resolve("vllmd.conf").toString();
        assertContains(problem, "5 settings can't be used");
        assertContains(problem, file + ": 1: server.port is 99999; it takes a whole number from 0 to 65535.");
        assertContains(problem, file + ": 2: there is no setting server.prot; did you mean \"server.port\"?");
        assertContains(problem, file + ": 4: engine.max-batch is \"many\"; it takes a whole number from 1 to 512.");
        assertContains(
                problem, "environment variable VLLMD_ENGINE_QEUE is no setting; did you mean \"VLLMD_ENGINE_QUEUE\"?");
        assertContains(problem, "command line: control.read-timeout is \"1ms\"; it takes a time from 100ms to 600s.");
    }

    @ParameterizedTest
    @CsvSource({
        "server.port, 80.5",
        "server.port, null",
        "server.port, -1",
        "server.max-body-size, 2GiB",
        "server.max-body-size, -1",
        "server.header-timeout, soon",
        "server.strict-model-id, perhaps",
        "engine.device, tpu",
        "engine.default-max-tokens, 0",
        "models.aliases, x",
        "profile-defaults.sampling.top-p, 0",
        "profile-defaults.sampling.temperature, 2.01",
        "profile-defaults.divergence.action, panic",
        "profile-defaults.kv-bits, 6",
        "profile-defaults.repetition-guard, maybe",
        "engine.cache-isolation, user",
        "engine.stall-timeout, 0s",
        "server, 5",
        "profiles.mine, 5",
        "profiles.mine.temprature, 5",
        "nothing, 5",
    })
    void aValueThatDoesNotFitIsRefusedWithItsLine(String key, String value) throws IOException {
        write("# a comment\n" + key + " = " + value + "\n");
        assertContains(refused(Map.of(), Map.of()), "vllmd.conf: 2: ");
    }

    @Test
    void aFileThatIsNoHoconIsNamedWithItsLine() throws IOException {
        write("server {\n  port = 1\n");
        assertContains(refused(Map.of(), Map.of()), home.resolve("vllmd.conf").toString());
        write("server.port = ${nowhere}");
        assertContains(refused(Map.of(), Map.of()), "nowhere");
    }

    @Test
    void otherVariablesOfTheProgramAreNoSettings() {
        load(Map.of("VLLMD_HOME", "/x", "VLLMD_MLX_HOME", "/y", "VLLMD_TEST_DATA", "/z"), Map.of());
    }

    @Test
    void anUnknownProfileIsRefusedWithTheNearestName() {
        var problem = refused(Map.of(), Map.of("models.profile", "text-defualt"));
        assertEquals(Problem.Kind.NOT_FOUND, problem.kind());
        assertContains(problem, "did you mean \"text-default\"?");
        assertContains(problem, "mllm-correctness, mllm-default, text-default");
    }

    private Settings load(Map<String, String> environment, Map<String, ?> commandLine) {
        return Settings.load(new Places(home, 106), environment, commandLine);
    }

    private Problem refused(Map<String, String> environment, Map<String, ?> commandLine) {
        return assertThrows(ProblemException.class, () -> load(environment, commandLine))
                .problem();
    }

    private void write(String text) throws IOException {
        Files.writeString(home.resolve("vllmd.conf"), text);
    }

    private static void assertContains(Problem problem, String part) {
        assertTrue(problem.message().contains(part), problem.message());
    }
}
