package io.vllmd.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.ProblemException;
import io.vllmd.runtime.StateFile.Entry;
import io.vllmd.runtime.StateFile.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateFileTest {
    private static final State STATE = new State(
            List.of(new Entry("sprout", "sprout"), new Entry("grün/модель", "/models/with \"quotes\"")),
            "sprout",
            "text-default");

    @TempDir
    private Path folder;

    private Path path() {
        return folder.resolve("deep/state.json");
    }

    @Test
    void whatWasWrittenComesBack() {
        StateFile file = new StateFile(path());
        assertEquals(Optional.empty(), file.read());
        file.write(STATE);
        assertEquals(Optional.of(STATE), file.read());
        State nothing = new State(List.of(), null, null);
        file.write(nothing);
        assertEquals(Optional.of(nothing), file.read());
    }

    @Test
    void aFileCutAtAnyByteIsSetAsideAndNeverHalfRead() throws IOException {
        StateFile file = new StateFile(path());
        file.write(STATE);
        byte[] whole = Files.readAllBytes(path());
        for (int length = 0; length < whole.length; length++) {
            Files.write(path(), Arrays.copyOf(whole, length));
            assertEquals(Optional.empty(), file.read(), "cut at " + length);
            assertFalse(Files.exists(path()));
            assertTrue(Files.exists(path().resolveSibling("state.json.bad")));
        }
    }

    @Test
    void whatIsNoStateIsSetAside() throws IOException {
        StateFile file = new StateFile(path());
        Files.createDirectories(path().getParent());
        for (String text : List.of("", "null", "[]", "{}", "{\"schema\": 1}", "{\"schema\": 1, \"models\": 5}")) {
            Files.writeString(path(), text);
            assertEquals(Optional.empty(), file.read(), text);
            assertEquals(text, Files.readString(path().resolveSibling("state.json.bad")));
        }
    }

    @Test
    void anotherSchemaIsSetAside() throws IOException {
        Files.createDirectories(path().getParent());
        Files.writeString(path(), "{\"schema\": 99, \"models\": [], \"default\": null}");
        assertEquals(Optional.empty(), new StateFile(path()).read());
    }

    @Test
    void aHalfWrittenNeighbourIsNotTheState() throws IOException {
        StateFile file = new StateFile(path());
        file.write(STATE);
        Files.writeString(path().resolveSibling("state.json.new"), "{\"schema\": 1, \"mod");
        assertEquals(Optional.of(STATE), file.read());
    }

    @Test
    void aDiskThatRefusesIsTold() throws IOException {
        StateFile file = new StateFile(path());
        file.write(STATE);
        Files.createDirectories(path().resolveSibling("state.json.new").resolve("in-the-way"));
        ProblemException refused =
                assertThrows(ProblemException.class, () -> file.write(new State(List.of(), null, null)));
        assertTrue(refused.problem().message().contains(path().toString()), refused.getMessage());
        assertEquals(Optional.of(STATE), file.read());
    }
}
