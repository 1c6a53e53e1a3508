package io.vllmd.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Conversations through the embedded model's own template, against what Python made of them. */
class SproutTemplateTest {
    private static final JsonMapper MAPPER = JsonMapper.shared();
    private static final ChatTemplates TEMPLATES = ChatTemplates.load(Path.of("src", "main", "sprout"));

    static Stream<Arguments> conversations() throws IOException {
        try (InputStream in = SproutTemplateTest.class.getResourceAsStream("template/sprout.json")) {
            return MAPPER
                    .readTree(Objects.requireNonNull(in))
                    .valueStream()
                    .map(row -> Arguments.of(row.path("name").asString(), row))
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("conversations")
    @SuppressWarnings("unchecked")
    void rendersAsPythonDoes(String name, JsonNode row) {
        Map<String, Object> variables = new HashMap<>(MAPPER.convertValue(row.path("variables"), Map.class));
        List<Map<String, Object>> messages =
                (List<Map<String, Object>>) Objects.requireNonNull(variables.remove("messages"));
        boolean generation = (boolean) Objects.requireNonNull(variables.remove("add_generation_prompt"));
        String text = TEMPLATES.render(messages.stream().map(ChatMessage::new).toList(), generation, variables);
        assertEquals(row.path("out").asString(), text, name);
    }
}
