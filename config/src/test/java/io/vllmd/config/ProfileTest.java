package io.vllmd.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProfileTest {
    private static final Profile.Penalties NO_PENALTIES = new Profile.Penalties(null, null, null, null);

    @TempDir
    Path home;

    @Test
    void theSixProfilesExist() {
        assertEquals(
                Set.of(
                        "text-default",
                        "text-deterministic",
                        "text-tools",
                        "text-json",
                        "mllm-default",
                        "mllm-correctness"),
                profiles().byName().keySet());
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "none",
            value = {
                "text-default, 0.7, 0.9",
                "text-deterministic, 0.0, 1.0",
                "text-tools, none, none",
                "text-json, 0.7, 0.9",
                "mllm-default, 0.0, 1.0",
                "mllm-correctness, 0.0, 1.0",
            })
    void samplingDefaultsAreTheOriginals(String name, Double temperature, Double topP) {
        var sampling = profiles().find(name).sampling();
        assertEquals(temperature, sampling.temperature());
        assertEquals(topP, sampling.topP());
        assertNull(sampling.topK());
        assertNull(sampling.minP());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "nothing",
            value = {
                "text-default | nothing",
                "text-deterministic | deterministic",
                "text-tools | tools.enabled",
                "text-json | json.constrained",
                "mllm-default | multimodal",
                "mllm-correctness | multimodal,divergence.monitor",
            })
    void whatIsNotInForceIsNamed(String name, String settings) {
        var missing = profiles().find(name).notInForce();
        var expected = settings == null ? List.of() : List.of(settings.split(","));
        assertEquals(expected, missing.stream().map(Profile.NotInForce::setting).toList());
        assertTrue(missing.stream().noneMatch(m -> m.reason().isBlank()));
    }

    @Test
    void aUsersProfileTakesTheDefaultsOfAllProfiles() throws Exception {
        Files.writeString(home.resolve("vllmd.conf"), """
                profile-defaults.sampling.top-k = 20
                profiles.mine { timeout = 5s, sampling.min-p = 0.1 }
                profiles.text-default.sampling.temperature = none
                """);
        var profiles = profiles();
        var mine = profiles.find("mine");
        assertEquals(new Profile.SamplingDefaults(null, null, 20, 0.1, NO_PENALTIES), mine.sampling());
        assertEquals(Duration.ofSeconds(5), mine.timeout());
        assertEquals(
                new Profile.SamplingDefaults(null, 0.9, 20, null, NO_PENALTIES),
                profiles.find("text-default").sampling());
    }

    @Test
    void howTheEngineWorksIsAProfilesToSay() throws Exception {
        Files.writeString(home.resolve("vllmd.conf"), """
                profiles.mine {
                  priority = background, repetition-guard = strict, kv-bits = 8
                  sampling { presence-penalty = 0.5, frequency-penalty = -1, repetition-penalty = 1.1
                             repetition-window = 64 }
                }
                """);
        var mine = profiles().find("mine");
        assertEquals(Profile.Priority.BACKGROUND, mine.priority());
        assertEquals(RepetitionPolicy.STRICT, mine.repetitionGuard());
        assertEquals(8, mine.kvBits());
        assertEquals(new Profile.Penalties(0.5, -1.0, 1.1, 64), mine.sampling().penalties());
        var others = profiles().find("text-default");
        assertEquals(Profile.Priority.INTERACTIVE, others.priority());
        assertEquals(RepetitionPolicy.SAFE, others.repetitionGuard());
        assertNull(others.kvBits());
    }

    private Profiles profiles() {
        return Settings.load(new Places(home, 106), Map.of(), Map.of()).profiles();
    }
}
