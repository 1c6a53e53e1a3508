package io.vllmd.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFolderTest {
    @TempDir
    Path folder;

    @BeforeEach
    void aConfig() throws IOException {
        write("config.json", "{\"model_type\": \"qwen3\", \"hidden_size\": 8}");
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }

    private void index(String map) throws IOException {
        write("model.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": " + map + "}");
    }

    private Problem refusal() {
        return problem(() -> ModelFolder.open(folder).close());
    }

    private static Problem problem(Runnable action) {
        return assertThrows(ProblemException.class, action::run).problem();
    }

    private static void assertSays(Problem problem, Problem.Kind kind, String... words) {
        assertEquals(kind, problem.kind(), problem.message());
        for (String word : words) {
            assertTrue(problem.message().contains(word), () -> word + " in: " + problem.message());
        }
    }

    @Test
    void oneFileGivesItsConfigAndTensors() throws IOException {
        SafetensorsFile.write(folder.resolve("model.safetensors"), "a", "b");
        write("tokenizer.json", "{}");
        try (ModelFolder model = ModelFolder.open(folder);
                Arena arena = Arena.ofConfined()) {
            assertEquals("qwen3", model.modelType());
            assertEquals(8, model.config().path("hidden_size").asInt());
            assertEquals(Set.of("a", "b"), model.tensorNames());
            assertEquals(folder.toAbsolutePath().normalize(), model.root());
            assertEquals(Optional.of(folder.resolve("tokenizer.json")), model.file("tokenizer.json"));
            assertSays(problem(() -> model.requireFile("vocab.txt")), Problem.Kind.INVALID, "vocab.txt");
            MemorySegment memory = arena.allocate(8);
            model.tensor("b").read(memory);
            assertEquals(1f, memory.get(ValueLayout.JAVA_FLOAT, 0));
            assertEquals(2f, memory.get(ValueLayout.JAVA_FLOAT, 4));
        }
    }

    @Test
    void theIndexTellsTheShardOfEachTensor() throws IOException {
        SafetensorsFile.write(folder.resolve("model-00001-of-00002.safetensors"), "a", "unused");
        SafetensorsFile.write(folder.resolve("model-00002-of-00002.safetensors"), "b", "a");
        index("{\"a\": \"model-00002-of-00002.safetensors\", \"b\": \"model-00002-of-00002.safetensors\"}");
        try (ModelFolder model = ModelFolder.open(folder)) {
            assertEquals(Set.of("a", "b"), model.tensorNames());
            assertEquals(
                    folder.resolve("model-00002-of-00002.safetensors"),
                    model.tensor("a").file().file());
            assertFalse(model.has("unused"));
        }
    }

    @Test
    void shardsWithoutAnIndexAreTakenTogether() throws IOException {
        SafetensorsFile.write(folder.resolve("model-1.safetensors"), "a");
        SafetensorsFile.write(folder.resolve("model-2.safetensors"), "b");
        SafetensorsFile.write(folder.resolve("adapter.safetensors"), "c");
        try (ModelFolder model = ModelFolder.open(folder)) {
            assertEquals(Set.of("a", "b"), model.tensorNames());
        }
        SafetensorsFile.write(folder.resolve("model-2.safetensors"), "a");
        assertSays(refusal(), Problem.Kind.INVALID, "Tensor a", "model-1.safetensors", "model-2.safetensors");
    }

    @Test
    void aMissingTensorIsNamedWithItsFile() throws IOException {
        SafetensorsFile.write(folder.resolve("model.safetensors"), "a");
        try (ModelFolder model = ModelFolder.open(folder)) {
            assertSays(
                    problem(() -> model.tensor("lm_head.weight")),
                    Problem.Kind.INVALID,
                    "lm_head.weight",
                    "model.safetensors");
        }
    }

    @Test
    void noFolderIsNotFound() {
        assertSays(
                problem(() -> ModelFolder.open(folder.resolve("none"))),
                Problem.Kind.NOT_FOUND,
                folder.resolve("none").toString());
    }

    @Test
    void aFileIsNoFolder() {
        assertSays(problem(() -> ModelFolder.open(folder.resolve("config.json"))), Problem.Kind.INVALID, "is a file");
    }

    @Test
    void aFolderWithoutConfigHoldsNoModel() throws IOException {
        Files.delete(folder.resolve("config.json"));
        assertSays(refusal(), Problem.Kind.INVALID, folder.toString(), "no config.json");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[1]", "null", "7", "{\"a\": }", "{\"a\": 1} trailing", "\u0000\u0001"})
    void aConfigThatIsNoObjectIsRefused(String text) throws IOException {
        write("config.json", text);
        assertSays(refusal(), Problem.Kind.INVALID, "config.json");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{\"a\":"})
    void aConfigTenThousandDeepIsRefused(String opening) throws IOException {
        write("config.json", "{\"a\":" + opening.repeat(10_000));
        assertSays(refusal(), Problem.Kind.INVALID, "config.json", "200");
    }

    @Test
    void aConfigWithoutModelTypeIsToldWhenAskedForIt() throws IOException {
        write("config.json", "{\"model_type\": 7}");
        SafetensorsFile.write(folder.resolve("model.safetensors"), "a");
        try (ModelFolder model = ModelFolder.open(folder)) {
            assertSays(problem(model::modelType), Problem.Kind.INVALID, "model_type");
        }
    }

    @Test
    void weightsOfOtherKindsAreNamed() throws IOException {
        assertSays(refusal(), Problem.Kind.INVALID, "has no weights");
        write("pytorch_model.bin", "x");
        write("model.Q4.gguf", "x");
        assertSays(refusal(), Problem.Kind.INVALID, "pytorch_model.bin", "model.Q4.gguf", "model.safetensors");
    }

    @Test
    void aShardThatIsMissingIsNamed() throws IOException {
        SafetensorsFile.write(folder.resolve("model-1.safetensors"), "a");
        index("{\"a\": \"model-1.safetensors\", \"b\": \"model-2.safetensors\"}");
        assertSays(refusal(), Problem.Kind.INVALID, "1 of 2", "model-2.safetensors", "download");
    }

    @Test
    void aTensorThatIsNotInItsShardIsNamed() throws IOException {
        SafetensorsFile.write(folder.resolve("model-1.safetensors"), "a");
        index("{\"a\": \"model-1.safetensors\", \"b\": \"model-1.safetensors\"}");
        assertSays(refusal(), Problem.Kind.INVALID, "tensor b", "model-1.safetensors");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"../model.safetensors\"",
                "\"/etc/model.safetensors\"",
                "\"sub/model.safetensors\"",
                "\"..\\\\model.safetensors\"",
                "\"model.bin\"",
                "\".safetensors\"",
                "\"\"",
                "7",
                "null",
                "[]",
                "\"a\\u0000.safetensors\""
            })
    void anIndexThatNamesAnythingButAFileOfTheFolderIsRefused(String file) throws IOException {
        SafetensorsFile.write(folder.resolve("model.safetensors"), "a");
        index("{\"a\": " + file + "}");
        assertSays(refusal(), Problem.Kind.INVALID, "index.json", "tensor a");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "[]", "7", "null"})
    void anIndexWithoutAMapIsRefused(String map) throws IOException {
        index(map);
        assertSays(refusal(), Problem.Kind.INVALID, "weight_map");
    }

    @Test
    void aCorruptWeightFileIsNamed() throws IOException {
        Files.write(folder.resolve("model.safetensors"), new byte[] {-1, -1, -1, -1, -1, -1, -1, 127, 0});
        assertSays(refusal(), Problem.Kind.INVALID, "model.safetensors", "9223372036854775807");
        SafetensorsFile.write(folder.resolve("model.safetensors"), "a", "b");
        byte[] whole = Files.readAllBytes(folder.resolve("model.safetensors"));
        Files.write(folder.resolve("model.safetensors"), java.util.Arrays.copyOf(whole, whole.length - 4));
        assertSays(refusal(), Problem.Kind.INVALID, "model.safetensors", "tensor b");
    }

    @Test
    void aPathOrARepositoryIsResolved(@TempDir Path home) throws IOException {
        SafetensorsFile.write(folder.resolve("model.safetensors"), "a");
        Path snapshot = home.resolve(".cache/huggingface/hub/models--org--name/snapshots/abc");
        Files.createDirectories(snapshot);
        Files.createDirectories(home.resolve("models"));
        for (String name : Set.of("config.json", "model.safetensors")) {
            Files.copy(folder.resolve(name), snapshot.resolve(name), StandardCopyOption.REPLACE_EXISTING);
            Files.copy(folder.resolve(name), home.resolve("models").resolve(name));
        }
        Map<String, String> environment = Map.of("HOME", home.toString());
        try (ModelFolder byPath = ModelFolder.resolve(folder.toString(), environment);
                ModelFolder byHome = ModelFolder.resolve("~/models", environment);
                ModelFolder byId = ModelFolder.resolve("org/name", environment)) {
            assertEquals(folder.toAbsolutePath(), byPath.root());
            assertEquals(home.resolve("models"), byHome.root());
            assertEquals(snapshot, byId.root());
        }
        assertSays(
                problem(() -> ModelFolder.resolve("org/other", environment)),
                Problem.Kind.NOT_FOUND,
                "hf download org/other");
        for (String path : Set.of("/no/such", "./no-such", "../no-such", "~/no-such", "a/b/c", "")) {
            Problem problem = problem(() -> ModelFolder.resolve(path, environment));
            assertTrue(Set.of(Problem.Kind.NOT_FOUND, Problem.Kind.INVALID).contains(problem.kind()), path);
        }
    }

    @Test
    void theIdentityTellsContentApartNotPlaces(@TempDir Path copy) throws IOException {
        SafetensorsFile.write(folder.resolve("model.safetensors"), "a", "b");
        for (String name : Set.of("config.json", "model.safetensors")) {
            Files.copy(folder.resolve(name), copy.resolve(name));
        }
        String identity = identity(folder);
        assertEquals(identity, identity(copy));
        byte[] bytes = Files.readAllBytes(copy.resolve("model.safetensors"));
        bytes[bytes.length - 1] ^= 1;
        Files.write(copy.resolve("model.safetensors"), bytes);
        assertNotEquals(identity, identity(copy));
        write("config.json", "{\"model_type\": \"qwen3\", \"hidden_size\": 16}");
        assertNotEquals(identity, identity(folder));
    }

    private static String identity(Path folder) {
        try (ModelFolder model = ModelFolder.open(folder)) {
            return model.identity();
        }
    }
}
