package io.vllmd.api.openai;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.EngineSettings.FrequencyPenalty;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.RepetitionPolicy;
import io.vllmd.engine.Priority;
import io.vllmd.engine.Sampling;
import io.vllmd.runtime.AnswerOptions;
import io.vllmd.runtime.ServingDefaults;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
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

    private static Sampling sampling(String fields) {
        return read(with(fields)).sampling().over(DEFAULTS, FrequencyPenalty.ADDITIVE, false);
    }

    @Test
    void theShortestRequestTakesTheDefaults() {
        ChatRequest request = read(with(""));
        assertEquals("default", request.model());
        assertEquals(new AnswerOptions.Ending(Integer.MAX_VALUE, 0, List.of(), Set.of(), false), request.ending());
        assertEquals(1, request.choices());
        assertEquals(-1, request.logprobs());
        assertEquals(Map.of(), request.templateArguments());
        Sampling sampling = sampling("");
        assertEquals(new Sampling(0.5f, 0.9f, 20, 0.1f, sampling.seed()), sampling);
        assertNotEquals(sampling.seed(), sampling("").seed());
    }

    @Test
    void whatIsAskedGoesBeforeTheDefaults() {
        assertEquals(
                new Sampling(0, 0.25f, 0, 0, -7),
                sampling("\"temperature\":0,\"top_p\":0.25,\"top_k\":-1,\"min_p\":0,\"seed\":-7"));
        assertEquals(40, sampling("\"top_k\":40.0").topK());
    }

    @Test
    void aTopPThatRoundsToNothingStillLeavesAToken() {
        assertTrue(sampling("\"top_p\":1e-300").topP() > 0);
        assertTrue(sampling("\"repetition_penalty\":1e-300").penalties().repetition() > 0);
    }

    @Test
    void theNewerNameOfMaxTokensWins() {
        assertEquals(
                5,
                read(with("\"max_tokens\":9,\"max_completion_tokens\":5"))
                        .ending()
                        .maxTokens());
        assertEquals(9, read(with("\"max_tokens\":9")).ending().maxTokens());
        assertEquals(
                Integer.MAX_VALUE,
                read(with("\"max_tokens\":9000000000000")).ending().maxTokens());
        assertEquals(
                77,
                ChatRequestReader.read(with("").getBytes(UTF_8), 77).ending().maxTokens());
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
                "repetition_penalty | 3 | greater than 0 and at most 2",
                "repetition_penalty | 0 | greater than 0 and at most 2",
                "repetition_window | -1 | from 0 to 1000000",
                "min_tokens | -1 | from 0 to 2147483647",
                "top_logprobs | 21 | from 0 to 20",
                "priority | \"urgent\" | one of interactive, background",
                "repetition_policy | \"on\" | one of off, safe, strict",
                "repetition_policy_override | \"on\" | one of off, safe, strict",
                "seed | 9223372036854775808 | from -9223372036854775808 to 9223372036854775807",
                "seed | 1e30 | from -9223372036854775808 to 9223372036854775807",
                "max_tokens | 0 | 1 or more",
                "max_completion_tokens | -5 | 1 or more",
                "n | 0 | from 1 to 16",
                "n | 17 | from 1 to 16"
            })
    void aValueOutOfRangeIsNamedWithItsRange(String field, String value, String range) {
        Problem problem = refused(with("\"%s\":%s".formatted(field, value)));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertEquals(field, problem.subject());
        assertEquals(range, problem.limit());
        assertTrue(problem.message().startsWith(field + " must be " + range), problem.message());
        if (!value.matches("[0-9.]+e[0-9]+")) {
            assertTrue(problem.message().contains(value.replace("\"", "")), problem.message());
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
                "stream_options | 1 | the number 1",
                "logit_bias | [] | an array",
                "logit_bias | {\"5\":\"x\"} | a string",
                "stop_token_ids | 5 | the number 5",
                "stop_token_ids | [1.5] | the number 1.5",
                "stop_token_ids | [-1] | the number -1",
                "deterministic | 1 | the number 1",
                "speculative | \"no\" | a string",
                "ignore_eos | 1 | the number 1",
                "priority | 1 | the number 1"
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
        assertEquals(List.of("END"), read(with("\"stop\":\"END\"")).ending().strings());
        assertEquals(
                List.of("a", "b"), read(with("\"stop\":[\"a\",\"b\"]")).ending().strings());
        String seventeen = "\"x\",".repeat(16) + "\"x\"";
        assertTrue(refused(with("\"stop\":[" + seventeen + "]")).message().contains("17"));
    }

    @Test
    void penaltiesAndBiasesAreTaken() {
        assertEquals(
                new Sampling(
                        0.5f,
                        0.9f,
                        20,
                        0.1f,
                        3,
                        new Sampling.Penalties(0.5f, -1, 1.5f, 64),
                        Map.of(5, -100f, 1734, 2.5f)),
                sampling("""
                        "presence_penalty":0.5,"frequency_penalty":-1,"repetition_penalty":1.5,"repetition_window":64,
                        "logit_bias":{"5":-100,"1734":2.5,"6":null},"seed":3"""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "\"frequency_penalty\":0.5 | 1.5 | 20",
                "\"frequency_penalty\":-2 | 0.01 | 20",
                "\"frequency_penalty\":0 | 1 | 20",
                "\"frequency_penalty\":0.5,\"repetition_penalty\":1.25 | 1.25 | 0",
                "\"frequency_penalty\":0.5,\"repetition_window\":7 | 1.5 | 7",
                "\"presence_penalty\":0.5 | 1 | 0",
            })
    void aFrequencyPenaltyCanMeanWhatItDidInVllmMlx(String fields, float repetition, int window) {
        var penalties = read(with(fields))
                .sampling()
                .over(DEFAULTS, FrequencyPenalty.REPETITION, false)
                .penalties();
        assertEquals(0, penalties.frequency());
        assertEquals(repetition, penalties.repetition());
        assertEquals(window, penalties.window());
    }

    @Test
    void aDeterministicAnswerIsGreedyUnlessItHasASeed() {
        var asked = read(with("\"deterministic\":true,\"temperature\":0.8"));
        assertEquals(
                new Sampling(0, 0.9f, 20, 0.1f, 0), asked.sampling().over(DEFAULTS, FrequencyPenalty.ADDITIVE, true));
        var seeded = read(with("\"deterministic\":true,\"temperature\":0.8,\"seed\":9"));
        assertEquals(
                new Sampling(0.8f, 0.9f, 20, 0.1f, 9),
                seeded.sampling().over(DEFAULTS, FrequencyPenalty.ADDITIVE, true));
    }

    @Test
    void howTheEngineShouldWorkOnItIsTakenOrLeftToTheProfile() {
        var background = new ServingDefaults(DEFAULTS, true, Priority.BACKGROUND, RepetitionPolicy.OFF);
        assertEquals(
                new AnswerOptions.Manner(Priority.BACKGROUND, RepetitionPolicy.OFF, true, true, "s"),
                read(with("")).manner().over(background, "s"));
        assertEquals(
                new AnswerOptions.Manner(Priority.INTERACTIVE, RepetitionPolicy.STRICT, false, false, ""),
                read(with("""
                        "priority":"interactive","repetition_policy":"off","repetition_policy_override":"strict",
                        "deterministic":false,"speculative":false,"service_tier":"flex"
                        """)).manner().over(background, ""));
        var plain = new ServingDefaults(DEFAULTS, false, Priority.INTERACTIVE, RepetitionPolicy.SAFE);
        assertEquals(
                Priority.BACKGROUND,
                read(with("\"service_tier\":\"flex\"")).manner().over(plain, "").priority());
        assertEquals(
                Priority.INTERACTIVE,
                read(with("\"service_tier\":\"auto\"")).manner().over(plain, "").priority());
    }

    @Test
    void whatEndsAnAnswerIsTaken() {
        assertEquals(
                new AnswerOptions.Ending(9, 4, List.of("x"), Set.of(1, 70_000), true),
                read(with("\"max_tokens\":9,\"min_tokens\":4,\"stop\":\"x\",\"stop_token_ids\":[1,70000,1],"
                                + "\"ignore_eos\":true"))
                        .ending());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"min_tokens\":10,\"max_tokens\":9 | min_tokens | 10,9",
                "\"top_logprobs\":3 | top_logprobs | 3,logprobs true",
                "\"logit_bias\":{\"dog\":1} | logit_bias | dog,ids of tokens",
                "\"logit_bias\":{\"99999999999\":1} | logit_bias | 99999999999",
                "\"logit_bias\":{\"5\":101} | logit_bias.5 | 101,from -100 to 100",
            })
    void whatDoesNotFitTogetherIsNamed(String fields, String subject, String told) {
        Problem problem = refused(with(fields));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertEquals(subject, problem.subject());
        for (String part : told.split(",")) {
            assertTrue(problem.message().contains(part), problem.message());
        }
    }

    @Test
    void moreBiasesOrStopTokensThanThereMayBeAreRefused() {
        String many = IntStream.range(0, 1025).mapToObj(i -> "\"" + i + "\":1").collect(Collectors.joining(","));
        assertTrue(refused(with("\"logit_bias\":{" + many + "}")).message().contains("1025"));
        String ids = IntStream.range(0, 257).mapToObj(Integer::toString).collect(Collectors.joining(","));
        assertTrue(refused(with("\"stop_token_ids\":[" + ids + "]")).message().contains("257"));
    }

    @Test
    void logprobsAreAskedForWithOrWithoutTheLikeliest() {
        assertEquals(0, read(with("\"logprobs\":true")).logprobs());
        assertEquals(5, read(with("\"logprobs\":true,\"top_logprobs\":5")).logprobs());
        assertEquals(-1, read(with("\"logprobs\":false,\"top_logprobs\":0")).logprobs());
        assertEquals(16, read(with("\"n\":16")).choices());
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
