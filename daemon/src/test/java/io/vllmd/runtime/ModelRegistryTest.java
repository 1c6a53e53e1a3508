package io.vllmd.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.runtime.StateFile.Entry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelRegistryTest {
    @TempDir
    private Path folder;

    /** Nothing loads: the disk of the models is not there. */
    private static final class NoDisk implements ModelRegistry.Loader {
        @Override
        public LoadedModel load(String id, String source, LoadProgress progress) {
            throw Problem.of(Problem.Kind.NOT_FOUND, "no disk", id).asException();
        }

        @Override
        public int close(LoadedModel model, Duration drain) {
            throw new IllegalStateException("nothing was loaded");
        }

        @Override
        public String sourceOf(String source) {
            return source;
        }

        @Override
        public String idOf(String source) {
            return source;
        }
    }

    @Test
    void namesThatNobodyCouldUseAreRefused() {
        ModelRegistry registry = new ModelRegistry(
                new NoDisk(), new StateFile(folder.resolve("state.json")), new ModelNames(false, Map.of()));
        for (String bad : List.of("", " ", "a\0b", "a\nb")) {
            assertRefused(registry.load(bad, null, false, (stage, part) -> {}));
            assertRefused(registry.load("m", bad, false, (stage, part) -> {}));
        }
        assertRefused(registry.load("m", "default", false, (stage, part) -> {}));
        assertTrue(registry.lines().isEmpty());
    }

    private static void assertRefused(CompletableFuture<ServedModel> load) {
        ProblemException refusal = assertInstanceOf(
                ProblemException.class,
                assertThrows(CompletionException.class, load::join).getCause());
        assertEquals(Problem.Kind.INVALID, refusal.problem().kind());
    }

    @Test
    void unloadingADefaultThatNeverCameBackLeavesNoDefault() {
        StateFile file = new StateFile(folder.resolve("state.json"));
        ModelRegistry registry = new ModelRegistry(new NoDisk(), file, new ModelNames(false, Map.of()));
        registry.restore(List.of(new Entry("gone", "/gone"), new Entry("other", "/other")), "gone");

        ModelRegistry.Unloaded unloaded = registry.unload("gone", Duration.ZERO);

        assertTrue(unloaded.wasDefault());
        assertEquals(Optional.empty(), registry.defaultModel());
        assertEquals(
                new StateFile.State(List.of(new Entry("other", "/other")), null, null),
                file.read().orElseThrow());
    }
}
