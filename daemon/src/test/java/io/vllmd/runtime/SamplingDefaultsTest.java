package io.vllmd.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.ProblemException;
import io.vllmd.config.Profile;
import io.vllmd.engine.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplingDefaultsTest {
    private static final Profile.SamplingDefaults PROFILE =
            new Profile.SamplingDefaults(0.7, 0.9, null, null, new Profile.Penalties(0.5, null, 1.25, 64));

    @TempDir
    private Path folder;

    private Sampling of(String generationConfig) throws IOException {
        Files.writeString(folder.resolve("generation_config.json"), generationConfig);
        return SamplingDefaults.of(folder, PROFILE);
    }

    @Test
    void theMakersValuesComeBeforeTheProfiles() throws IOException {
        var penalties = new Sampling.Penalties(0.5f, 0, 1.25f, 64);
        assertEquals(
                new Sampling(0.5f, 0.9f, 20, 0, 0, penalties, Map.of()),
                of("{\"temperature\": 0.5, \"top_k\": 20, \"top_p\": null}"));
        assertEquals(
                new Sampling(0, 1, 0, 0, 0, penalties, Map.of()), of("{\"do_sample\": false, \"temperature\": 0.5}"));
    }

    @Test
    void theMakersRepetitionPenaltyIsTaken() throws IOException {
        assertEquals(
                new Sampling.Penalties(0.5f, 0, 1.05f, 64),
                of("{\"repetition_penalty\": 1.05}").penalties());
        assertEquals(
                Sampling.Penalties.NONE,
                SamplingDefaults.of(
                                folder.resolve("none"),
                                new Profile.SamplingDefaults(
                                        null, null, null, null, new Profile.Penalties(null, null, null, null)))
                        .penalties());
    }

    @Test
    void aTopKOfMinusOneIsAll() throws IOException {
        assertEquals(0, of("{\"top_k\": -1}").topK());
    }

    @ParameterizedTest
    @CsvSource({
        "temperature,-1",
        "temperature,1e39",
        "top_p,0",
        "top_p,1e-300",
        "top_p,7",
        "top_k,-5",
        "top_k,1e30",
        "min_p,2",
        "repetition_penalty,0",
        "repetition_penalty,3"
    })
    void aValueOutsideItsRangeFailsTheLoadAndNamesFileKeyAndValue(String key, String value) {
        String message = assertThrows(ProblemException.class, () -> of("{\"" + key + "\": " + value + "}"))
                .problem()
                .message();
        assertTrue(message.contains("generation_config.json: " + key + " is "), message);
    }
}
