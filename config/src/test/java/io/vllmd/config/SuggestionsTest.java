package io.vllmd.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SuggestionsTest {
    private static final List<String> NAMES = List.of("server.port", "server.host", "engine.queue");

    @Test
    void aSwapADropAndAnotherCaseAreNear() {
        assertEquals(Optional.of("server.port"), Suggestions.closest("server.prot", NAMES));
        assertEquals(Optional.of("engine.queue"), Suggestions.closest("engine.que", NAMES));
        assertEquals(Optional.of("server.host"), Suggestions.closest("SERVER.HOST", NAMES));
    }

    @Test
    void whatIsFarIsNotSuggested() {
        assertEquals(Optional.empty(), Suggestions.closest("unrelated-thing", NAMES));
        assertEquals(Optional.empty(), Suggestions.closest("x", List.of()));
        assertEquals(".", Suggestions.didYouMean("unrelated-thing", NAMES));
    }
}
