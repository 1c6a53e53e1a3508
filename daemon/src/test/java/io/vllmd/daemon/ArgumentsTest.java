package io.vllmd.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.ProblemException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArgumentsTest {

    @Test
    void flagsBecomeSettings() {
        Arguments arguments = Arguments.parse(
                "--port", "9000", "--host=0.0.0.0", "--profile", "text-json", "--set", "engine.max-batch = 4");
        assertEquals(
                Map.of(
                        "server.port", "9000",
                        "server.host", "0.0.0.0",
                        "models.profile", "text-json",
                        "engine.max-batch", "4"),
                arguments.settings());
        assertEquals(Arguments.Action.SERVE, arguments.action());
    }

    @Test
    void oneModelFlagTakesSeveralModelsAndMayBeRepeated() {
        assertEquals(
                List.of("a/b", "/models/c", "d"),
                Arguments.parse("--model", "a/b", "/models/c", "--model=d", "--port", "1")
                        .models());
    }

    @Test
    void anEmptyValueIsNone() {
        assertThrows(ProblemException.class, () -> Arguments.parse("--model", ""));
        assertThrows(ProblemException.class, () -> Arguments.parse("--model="));
        assertThrows(ProblemException.class, () -> Arguments.parse("--host", " "));
    }

    @Test
    void helpAndVersionAreActions() {
        assertEquals(Arguments.Action.HELP, Arguments.parse("-h").action());
        assertEquals(Arguments.Action.VERSION, Arguments.parse("--version").action());
    }

    @ParameterizedTest
    @CsvSource({
        "--prot 1, --port",
        "--port, needs a value",
        "--model --port, needs a value",
        "--set port, KEY=VALUE",
        "serve, unknown argument 'serve'"
    })
    void mistakesAreNamed(String line, String word) {
        ProblemException mistake = assertThrows(ProblemException.class, () -> Arguments.parse(line.split(" ")));
        assertTrue(mistake.problem().message().contains(word), mistake.getMessage());
    }
}
