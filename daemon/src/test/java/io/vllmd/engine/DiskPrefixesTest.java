package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.engine.cache.DiskStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What was computed outlives the engine, for the same weights and the same scope, and whatever happens to the files. */
class DiskPrefixesTest {
    private static final LaneOptions SAME = new LaneOptions(0, "weights of the test", null);

    @TempDir
    private Path folder;

    /** One life of an engine: its first lane answers the request. */
    private Recorder live(LaneOptions options, GenerationRequest request, List<Integer> expected) {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(8, 64, 64))) {
            fixture.engine.keepOnDisk(DiskStore.open(folder.resolve("kv"), 64 << 20));
            Lane lane = fixture.engine.attach(fixture.model(3), "tiny", options);
            Recorder recorder = new Recorder();
            lane.submit(request, recorder);
            recorder.await();
            assertEquals(expected, recorder.tokens);
            return recorder;
        }
    }

    private static List<Integer> alone(GenerationRequest request) {
        try (EngineFixture fixture = new EngineFixture(EngineFixture.limits(8, 64, 64))) {
            return fixture.alone(fixture.model(3), request);
        }
    }

    @Test
    void aConversationGoesOnAfterARestart() {
        GenerationRequest request = EngineFixture.greedy("conversation", 700, 30);
        List<Integer> expected = alone(request);
        assertEquals(0, live(SAME, request, expected).cached);
        assertEquals(640, live(SAME, request, expected).cached, "all full pages");
    }

    @Test
    void otherWeightsAndOtherScopesFindNothing() {
        GenerationRequest request = EngineFixture.greedy("mine", 300, 5);
        List<Integer> expected = alone(request);
        live(SAME, request, expected);
        assertEquals(0, live(new LaneOptions(0, "other weights", null), request, expected).cached);
        GenerationRequest other = GenerationRequest.builder("theirs", request.prompt(), 5)
                .cacheScope("another key")
                .build();
        assertEquals(0, live(SAME, other, expected).cached);
    }

    @Test
    void damagedFilesCostTimeAndNothingElse() throws IOException {
        GenerationRequest request = EngineFixture.greedy("damaged", 500, 20);
        List<Integer> expected = alone(request);
        live(SAME, request, expected);
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                byte[] bytes = Files.readAllBytes(file);
                bytes[bytes.length / 2] ^= 1;
                Files.write(file, bytes);
            }
        }
        assertEquals(0, live(SAME, request, expected).cached);
        assertTrue(live(SAME, request, expected).cached > 0, "written anew");
    }
}
