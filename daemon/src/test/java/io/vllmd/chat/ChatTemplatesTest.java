package io.vllmd.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChatTemplatesTest {
    private static final String PLAIN = "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}";

    @TempDir
    Path folder;

    private void file(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private String render(List<ChatMessage> messages, Map<String, ? extends @Nullable Object> arguments) {
        return ChatTemplates.load(folder).render(messages, true, arguments);
    }

    private String render(ChatMessage... messages) {
        return render(List.of(messages), Map.of());
    }

    private static ChatMessage message(@Nullable Object... fields) {
        Map<String, @Nullable Object> map = new HashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            map.put(String.valueOf(fields[i]), fields[i + 1]);
        }
        return new ChatMessage(map);
    }

    @Test
    void theJinjaFileCountsBeforeTheJsonFileAndThatBeforeTheTokenizersTemplate() throws IOException {
        file("tokenizer_config.json", "{\"chat_template\": \"from config\"}");
        assertEquals("from config", render(ChatMessage.of("user", "x")));
        file("chat_template.json", "{\"chat_template\": \"from json\"}");
        assertEquals("from json", render(ChatMessage.of("user", "x")));
        file("chat_template.jinja", "from jinja");
        assertEquals("from jinja", render(ChatMessage.of("user", "x")));
    }

    @Test
    void theToolTemplateIsUsedWhereThereAreTools() throws IOException {
        file("tokenizer_config.json", """
            {"chat_template": [
              {"name": "default", "template": "plain {{ tools is defined }}"},
              {"name": "tool_use", "template": "with {{ tools|length }}"},
              {"name": "rag", "template": "never"}]}
            """);
        assertEquals("plain False", render(ChatMessage.of("user", "x")));
        assertEquals("plain False", render(List.of(ChatMessage.of("user", "x")), Map.of("tools", List.of())));
        assertEquals(
                "with 1", render(List.of(ChatMessage.of("user", "x")), Map.of("tools", List.of(Map.of("type", "f")))));
        file("chat_template.jinja", "file");
        file("additional_chat_templates/tool_use.jinja", "file for tools");
        assertEquals(
                "file for tools",
                render(List.of(ChatMessage.of("user", "x")), Map.of("tools", List.of(Map.of("type", "f")))));
    }

    @Test
    void specialTokensAreVariablesWhetherStringsOrObjects() throws IOException {
        file("chat_template.jinja", "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ unk_token }}");
        file("special_tokens_map.json", "{\"bos_token\": \"old\", \"unk_token\": \"<unk>\"}");
        file(
                "tokenizer_config.json",
                "{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\", \"lstrip\": false}, \"pad_token\":"
                        + " null, \"add_bos_token\": true}");
        assertEquals("<s></s>False<unk>", render(ChatMessage.of("user", "x")));
    }

    @Test
    void anAssistantsMissingContentBecomesEmpty() throws IOException {
        file("chat_template.jinja", PLAIN);
        assertEquals(
                "assistant=;assistant=;",
                render(message("role", "assistant", "content", null), message("role", "assistant")));
    }

    @Test
    void argumentsOfToolCallsBecomeObjectsUnlessTheyAreNone() throws IOException {
        file(
                "chat_template.jinja",
                "{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.name }}"
                        + "{{ c.function.arguments|tojson }};{% endfor %}{% endfor %}");
        List<Object> calls = new ArrayList<>();
        for (String arguments : List.of("{\"a\": [1, 2.5, null]}", "{broken", "[1]", "")) {
            calls.add(Map.of("type", "function", "function", Map.of("name", "f", "arguments", arguments)));
        }
        assertEquals(
                "f{\"a\": [1, 2.5, null]};f\"{broken\";f\"[1]\";f\"\";",
                render(message("role", "assistant", "content", null, "tool_calls", calls)));
    }

    @Test
    void partsOfTextBecomeOneStringWhereTheTemplateTakesNoParts() throws IOException {
        List<Object> parts = List.of(Map.of("type", "text", "text", "one "), Map.of("type", "text", "text", "two"));
        file("chat_template.jinja", PLAIN);
        assertEquals("user=one two;", render(message("role", "user", "content", parts)));
        file(
                "chat_template.jinja",
                "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}"
                        + "{% for p in m.content %}<{{ p.text }}>{% endfor %}{% endif %}{% endfor %}");
        assertEquals("<one ><two>", render(message("role", "user", "content", parts)));
        assertEquals("plain", render(ChatMessage.of("user", "plain")));
    }

    @Test
    void aStringBecomesAPartWhereTheTemplateTakesOnlyParts() throws IOException {
        file(
                "chat_template.jinja",
                "{% for m in messages %}{% for p in m.content %}{{ '<' + p['text'] + '>' }}{% endfor %}{% endfor %}");
        assertEquals("<plain>", render(ChatMessage.of("user", "plain")));
    }

    @Test
    void aDeveloperIsTheSystemWhereTheTemplateKnowsNone() throws IOException {
        file("chat_template.jinja", PLAIN);
        assertEquals("system=x;", render(ChatMessage.of("developer", "x")));
        file("chat_template.jinja", PLAIN + "{% if messages[0].role == 'developer' %}!{% endif %}");
        assertEquals("developer=x;!", render(ChatMessage.of("developer", "x")));
    }

    @Test
    void argumentsThatAreNullAreLeftOut() throws IOException {
        file("chat_template.jinja", "{{ tools is defined }}{{ thinking is defined }}{{ effort }}");
        Map<String, @Nullable Object> arguments = new HashMap<>();
        arguments.put("tools", null);
        arguments.put("thinking", null);
        arguments.put("effort", "low");
        assertEquals("FalseFalselow", render(List.of(ChatMessage.of("user", "x")), arguments));
    }

    @Test
    void aRefusalIsToldInTheTemplatesWords() throws IOException {
        file("chat_template.jinja", "{{ raise_exception('System role not supported') }}");
        Problem problem = problem(() -> render(ChatMessage.of("system", "x")));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertTrue(problem.message().endsWith(": System role not supported"), problem.message());
    }

    @Test
    void aFailureInTheTemplateIsToldWithItsLineNotHidden() throws IOException {
        file("chat_template.jinja", "{% for m in messages %}\n{{ m.nosuch.field }}{% endfor %}");
        Problem problem = problem(() -> render(ChatMessage.of("user", "x")));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertTrue(
                problem.message().contains("'dict object' has no attribute 'nosuch' (template line 2)"),
                problem.message());
    }

    @Test
    void anEndlessTemplateIsTooLarge() throws IOException {
        file(
                "chat_template.jinja",
                "{% if messages|length > 1 %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
                        + "{% endfor %}{% endif %}");
        ChatMessage user = ChatMessage.of("user", "x");
        assertEquals(Problem.Kind.TOO_LARGE, problem(() -> render(user, user)).kind());
    }

    @Test
    void aBrokenTemplateIsToldWithItsFileAndLine() throws IOException {
        file("chat_template.jinja", "a\n{% if %}");
        Problem problem = problem(() -> ChatTemplates.load(folder));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertTrue(problem.message().contains("chat_template.jinja"), problem.message());
        assertTrue(problem.message().contains("template line 2"), problem.message());
    }

    @Test
    void aModelWithoutATemplateLoadsButCannotChat() throws IOException {
        file("tokenizer_config.json", "{\"eos_token\": \"</s>\"}");
        assertTrue(ChatTemplates.load(folder).isEmpty());
        Problem problem = problem(() -> render(ChatMessage.of("user", "x")));
        assertEquals(Problem.Kind.UNSUPPORTED, problem.kind());
        assertTrue(problem.message().contains("no chat template"), problem.message());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"chat_template\": [{\"name\": \"default\"}]}",
                "{\"chat_template\": [7]}",
                "{\"chat_template\": {\"default\": 7}}",
                "[]",
                "{\"chat_template\": "
            })
    void aBrokenTokenizerConfigIsInvalid(String config) throws IOException {
        file("tokenizer_config.json", config);
        assertEquals(
                Problem.Kind.INVALID, problem(() -> ChatTemplates.load(folder)).kind());
    }

    @Test
    void aPromptThatEndsInAnOpenReasoningBlockIsSeen() {
        assertTrue(ChatTemplates.reasoningOpen("<|im_start|>assistant\n<think>\n"));
        assertTrue(ChatTemplates.reasoningOpen("<|Assistant|><think>"));
        assertTrue(ChatTemplates.reasoningOpen("[INST]x[/INST][THINK]"));
        assertFalse(ChatTemplates.reasoningOpen("<|im_start|>assistant\n<think>\n\n</think>\n\n"));
        assertFalse(ChatTemplates.reasoningOpen("<|im_start|>user\nwrite <think> please<|im_end|>\n"));
        assertFalse(ChatTemplates.reasoningOpen(""));
    }

    private static Problem problem(Runnable action) {
        return assertThrows(ProblemException.class, action::run).problem();
    }
}
