package io.vllmd.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlacesTest {

    @Test
    void theUsualPlaceDependsOnTheSystem() {
        var environment = Map.of("HOME", "/u/me");
        assertEquals(
                Path.of("/u/me/.local/state/vllmd"),
                Places.of(environment, "Linux").home());
        assertEquals(
                Path.of("/u/me/Library/Application Support/vllmd"),
                Places.of(environment, "Mac OS X").home());
    }

    @Test
    void vllmdHomeMovesEverything() {
        var places = Places.of(Map.of("HOME", "/u/me", "VLLMD_HOME", "/srv/x/../two"), "Linux");
        assertEquals(Path.of("/srv/two/vllmd.conf"), places.userFile());
        assertEquals(Path.of("/srv/two/state.json"), places.stateFile());
        assertEquals(Path.of("/srv/two/ctl.sock"), places.socket());
        assertEquals(Path.of("/srv/two/logs"), places.logs());
        assertEquals(Path.of("/srv/two/caches"), places.caches());
    }

    @Test
    void withoutAnyHomeItSaysWhatToSet() {
        var e = assertThrows(ProblemException.class, () -> Places.of(Map.of("VLLMD_HOME", " "), "Linux"));
        assertEquals(Problem.Kind.INVALID, e.problem().kind());
        assertTrue(e.problem().message().contains("VLLMD_HOME"), e.problem().message());
    }

    @Test
    void aSocketPathIsCountedInBytesAgainstTheLimitOfTheSystem() {
        String file = "/ctl.sock";
        String fits = "/" + "x".repeat(106 - 1 - file.length());
        assertEquals(fits + file, socket(fits, "Linux").toString());
        var linux = assertThrows(ProblemException.class, () -> socket(fits + "x", "Linux"));
        assertTrue(
                linux.problem().message().contains(fits + "x" + file),
                linux.problem().message());
        assertTrue(
                linux.problem().message().contains("VLLMD_HOME"),
                linux.problem().message());
        var mac = assertThrows(ProblemException.class, () -> socket(fits, "Mac OS X"));
        assertEquals("102 bytes", mac.problem().limit());
        assertThrows(ProblemException.class, () -> socket("/" + "ü".repeat(60), "Linux"));
    }

    private static Path socket(String home, String os) {
        return Places.of(Map.of("VLLMD_HOME", home), os).socket();
    }
}
