package io.vllmd.api.openai;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.engine.Sampling;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChatRequestReaderTest {
    private static final Sampling DEFAULTS = new Sampling(0.5f, 0.9f, 20, 0.1f, 0);

    private static ChatRequest read(String body) {
        return ChatRequestReader.read(body.getBytes(UTF_8), null);
    }

    /** A sound request with these further fields. */
    private static String with(String fields) {
        return "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" + (fields.isEmpty() ? "" : "," + fields) + "}";
    }

    private static String conversation(String messages) {
        return "{\"messages\":[" + messages + "]}";
    }

    private static Problem refused(String body) {
        return assertThrows(ProblemException.class, () -> read(body), body).problem();
    }

    @Test
    void theShortestRequestTakesTheDefaults() {
        ChatRequest request = read(with(""));
        assertEquals("default", request.model());
        assertEquals(Integer.MAX_VALUE, request.maxTokens());
        assertEquals(List.of(), request.stop());
        assertEquals(Map.of(), request.templateArguments());
        Sampling sampling = request.sampling().over(DEFAULTS);
        assertEquals(new Sampling(0.5f, 0.9f, 20, 0.1f, sampling.seed()), sampling);
        assertNotEquals(
                sampling.seed(), read(with("")).sampling().over(DEFAULTS).seed());
    }

    @Test
    void whatIsAskedGoesBeforeTheDefaults() {
        ChatRequest request = read(with("\"temperature\":0,\"top_p\":0.25,\"top_k\":-1,\"min_p\":0,\"seed\":-7"));
        assertEquals(new Sampling(0, 0.25f, 0, 0, -7), request.sampling().over(DEFAULTS));
        assertEquals(40, read(with("\"top_k\":40.0")).sampling().over(DEFAULTS).topK());
    }

    @Test
    void aTopPThatRoundsToNothingStillLeavesAToken() {
        assertTrue(read(with("\"top_p\":1e-300")).sampling().over(DEFAULTS).topP() > 0);
    }

    @Test
    void theNewerNameOfMaxTokensWins() {
        assertEquals(
                5, read(with("\"max_tokens\":9,\"max_completion_tokens\":5")).maxTokens());
        assertEquals(9, read(with("\"max_tokens\":9")).maxTokens());
        assertEquals(
                Integer.MAX_VALUE, read(with("\"max_tokens\":9000000000000")).maxTokens());
        assertEquals(77, ChatRequestReader.read(with("").getBytes(UTF_8), 77).maxTokens());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "temperature | -0.1 | from 0 to 2",
                "temperature | 2.5 | from 0 to 2",
                "temperature | 1e999 | from 0 to 2",
                "top_p | 0 | greater than 0 and at most 1",
                "top_p | 1.01 | greater than 0 and at most 1",
                "top_k | -2 | from -1 to 1000000",
                "min_p | 1.5 | from 0 to 1",
                "presence_penalty | 2.1 | from -2 to 2",
                "frequency_penalty | -3 | from -2 to 2",
                "repetition_penalty | 3 | from 0 to 2",
                "seed | 9223372036854775808 | from -9223372036854775808 to 9223372036854775807",
                "seed | 1e30 | from -9223372036854775808 to 9223372036854775807",
                "max_tokens | 0 | 1 or more",
                "max_completion_tokens | -5 | 1 or more",
                "n | 0 | from 1 to 128"
            })
    void aValueOutOfRangeIsNamedWithItsRange(String field, String value, String range) {
        Problem problem = refused(with("\"%s\":%s".formatted(field, value)));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertEquals(field, problem.subject());
        assertEquals(range, problem.limit());
        assertTrue(problem.message().startsWith(field + " must be " + range), problem.message());
        if (!value.contains("e")) {
            assertTrue(problem.message().contains(value), problem.message());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "temperature | \"hot\" | a string",
                "max_tokens | 1.5 | the number 1.5",
                "max_tokens | \"7\" | a string",
                "seed | {} | an object",
                "stream | \"yes\" | a string",
                "stop | 7 | the number 7",
                "stop | [\"a\",\"\"] | a string",
                "model | 7 | the number 7",
                "messages | {} | an object",
                "response_format | \"json\" | a string",
                "tools | true | true",
                "chat_template_kwargs | [] | an array",
                "enable_thinking | 1 | the number 1",
                "stream_options | 1 | the number 1"
            })
    void aWrongTypeIsNamedWithWhatCame(String field, String value, String came) {
        Problem problem =
                refused("{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"%s\":%s}".formatted(field, value));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertTrue(problem.message().startsWith(field), problem.message());
        assertTrue(problem.message().endsWith("it is " + came + "."), problem.message());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"n\":2",
                "\"logprobs\":true",
                "\"top_logprobs\":3",
                "\"logit_bias\":{\"5\":1}",
                "\"presence_penalty\":0.5",
                "\"frequency_penalty\":-1",
                "\"repetition_penalty\":1.1",
                "\"response_format\":{\"type\":\"json_object\"}",
                "\"tools\":[{\"type\":\"function\"}]",
                "\"tools\":[{\"type\":\"function\"}],\"tool_choice\":\"auto\"",
                "\"functions\":[{\"name\":\"f\"}]"
            })
    void whatIsNotInForceIsRefusedByName(String fields) {
        Problem problem = refused(with(fields));
        assertEquals(Problem.Kind.UNSUPPORTED, problem.kind());
        String field = fields.substring(1, fields.indexOf('"', 1));
        assertEquals(field, problem.subject());
        assertTrue(problem.message().startsWith(field), problem.message());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"n\":1,\"logprobs\":false,\"top_logprobs\":0,\"logit_bias\":{}",
                "\"presence_penalty\":0,\"frequency_penalty\":0.0,\"repetition_penalty\":1",
                "\"response_format\":{\"type\":\"text\"},\"tools\":[]",
                "\"tools\":[{\"type\":\"function\"}],\"tool_choice\":\"none\"",
                "\"temperature\":null,\"stop\":null,\"stream_options\":null,\"tools\":null,\"seed\":null",
                "\"whatever\":{\"new\":[1]},\"user\":\"me\",\"store\":false"
            })
    void neutralValuesNullsAndUnknownFieldsAreTaken(String fields) {
        assertEquals("default", read(with(fields)).model());
    }

    @Test
    void stopIsAStringOrUpToSixteen() {
        assertEquals(List.of("END"), read(with("\"stop\":\"END\"")).stop());
        assertEquals(List.of("a", "b"), read(with("\"stop\":[\"a\",\"b\"]")).stop());
        String seventeen = "\"x\",".repeat(16) + "\"x\"";
        assertTrue(refused(with("\"stop\":[" + seventeen + "]")).message().contains("17"));
    }

    @Test
    void templateArgumentsComeFromBothPlaces() {
        assertEquals(
                Map.of("enable_thinking", false, "depth", 3L, "list", List.of(1.5, "a")),
                read(with(
                                "\"enable_thinking\":false,"
                                        + "\"chat_template_kwargs\":{\"depth\":3,\"enable_thinking\":true,\"list\":[1.5,\"a\"]}"))
                        .templateArguments());
    }

    @Test
    void messagesBecomeWhatTemplatesRead() {
        var messages = read(conversation("""
                        {"role":"developer","content":[{"type":"text","text":"Be"},{"type":"text","text":"kind"}]},
                        {"role":"user","name":"Ada","content":"Hi"},
                        {"role":"assistant","content":null,"reasoning":"hm","tool_calls":[{"id":"c1","n":1}]},
                        {"role":"tool","tool_call_id":"c1","content":"42"}""")).messages();
        assertEquals(
                Map.of("role", "system", "content", "Be\nkind"), messages.get(0).fields());
        assertEquals(
                Map.of("role", "user", "name", "Ada", "content", "Hi"),
                messages.get(1).fields());
        assertEquals(
                Map.of(
                        "role",
                        "assistant",
                        "content",
                        "",
                        "reasoning_content",
                        "hm",
                        "tool_calls",
                        List.of(Map.of("id", "c1", "n", 1L))),
                messages.get(2).fields());
        assertEquals(
                Map.of("role", "tool", "tool_call_id", "c1", "content", "42"),
                messages.get(3).fields());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"role\":\"user\"} | messages[0].content",
                "{\"role\":\"robot\",\"content\":\"x\"} | messages[0].role",
                "{\"content\":\"x\"} | messages[0].role",
                "{\"role\":\"user\",\"content\":7} | messages[0].content",
                "{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]} | messages[0].content[0].text",
                "{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]} | messages[0].content[0].type",
                "{\"role\":\"user\",\"content\":[\"x\"]} | messages[0].content[0]",
                "{\"role\":\"user\",\"content\":\"x\"},7 | messages[1]"
            })
    void aFaultInAMessageIsNamedByItsPath(String messages, String path) {
        Problem problem = refused(conversation(messages));
        assertEquals(path, problem.subject());
        assertTrue(problem.message().startsWith(path), problem.message());
    }

    @ParameterizedTest
    @ValueSource(strings = {"image_url", "input_audio", "file"})
    void anImageOrSoundIsRefusedNamingPartAndModel(String type) {
        Problem problem = refused("""
                {"model":"sprout","messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"%s"}]}]}""".formatted(type));
        assertEquals(Problem.Kind.UNSUPPORTED, problem.kind());
        assertEquals("messages[0].content[1]", problem.subject());
        assertTrue(problem.message().contains("sprout") && problem.message().contains(type), problem.message());
    }

    @Test
    void anEmptyConversationIsRefused() {
        assertEquals("messages", refused("{}").subject());
        assertEquals("messages", refused(conversation("")).subject());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "   ", "[]", "7", "null", "\"text\"", "{\"a\":1} x", "{\"a\":}", "{\"a\":NaN}", "{"})
    void aBodyThatIsNoObjectIsRefused(String body) {
        assertEquals(Problem.Kind.INVALID, refused(body).kind());
    }

    @Test
    void deepNestingAndEndlessNumbersAreRefused() {
        String deep = "[".repeat(10_000) + "]".repeat(10_000);
        assertEquals(Problem.Kind.INVALID, refused(with("\"x\":" + deep)).kind());
        assertEquals(
                Problem.Kind.INVALID,
                refused(with("\"seed\":" + "9".repeat(5_000))).kind());
    }

    @Test
    void halfASurrogatePairIsReplaced() {
        var request =
                read("{\"model\":\"\\ud83c\",\"messages\":[{\"role\":\"user\",\"content\":\"a\\udf0d😀\\ud83c\"}]}");
        assertEquals("\uFFFD", request.model());
        assertEquals("a\uFFFD😀\uFFFD", request.messages().getFirst().fields().get("content"));
    }
}
