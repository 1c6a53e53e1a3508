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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplingDefaultsTest {
    private static final Profile.SamplingDefaults PROFILE = new Profile.SamplingDefaults(0.7, 0.9, null, null);

    @TempDir
    private Path folder;

    private Sampling of(String generationConfig) throws IOException {
        Files.writeString(folder.resolve("generation_config.json"), generationConfig);
        return SamplingDefaults.of(folder, PROFILE);
    }

    @Test
    void theMakersValuesComeBeforeTheProfiles() throws IOException {
        assertEquals(new Sampling(0.5f, 0.9f, 20, 0, 0), of("{\"temperature\": 0.5, \"top_k\": 20, \"top_p\": null}"));
        assertEquals(Sampling.GREEDY, of("{\"do_sample\": false, \"temperature\": 0.5}"));
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
        "min_p,2"
    })
    void aValueOutsideItsRangeFailsTheLoadAndNamesFileKeyAndValue(String key, String value) {
        String message = assertThrows(ProblemException.class, () -> of("{\"" + key + "\": " + value + "}"))
                .problem()
                .message();
        assertTrue(message.contains("generation_config.json: " + key + " is "), message);
    }
}
