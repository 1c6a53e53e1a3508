package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.scenario.Completions.Reply;
import io.vllmd.scenario.Completions.Tree;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What vllm-mlx got wrong in the text it generated, by the numbers of the inventory that vllmd was begun with: each row
 * that its engine or caches had to do with, against a daemon with the real model.
 */
@Timeout(600)
class TextWeaknessesIT {
    /** Tokens of Sprout's vocabulary: a dash, " the", and the first byte of a character of four. */
    private static final int DASH = 12;

    private static final int THE = 275;

    private static final int FIRST_OF_FOUR_BYTES = 172;

    @TempDir
    private static Path home;

    private static DaemonProcess daemon;
    private static Completions chat;

    @BeforeAll
    static void start() throws IOException {
        daemon = DaemonProcess.start(home);
        chat = new Completions(daemon.base());
    }

    @AfterAll
    static void stop() {
        daemon.close();
    }

    private static String greedy(String user, int maxTokens, String more) {
        return Completions.ask(user, maxTokens, ",\"temperature\":0" + more);
    }

    /** Answers to all of these at once. */
    private static List<Reply> together(List<String> requests) throws Exception {
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Reply>> replies = requests.stream()
                    .map(request -> clients.submit(() -> chat.answer(request)))
                    .toList();
            List<Reply> all = new ArrayList<>();
            for (Future<Reply> reply : replies) {
                all.add(reply.get());
            }
            return all;
        }
    }

    /** A text of about so many tokens. */
    private static String words(int seed, int count) {
        List<String> words =
                List.of("river", "stone", "cloud", "lamp", "green", "seven", "walks", "under", "bread", "sky");
        StringBuilder text = new StringBuilder();
        int state = seed;
        for (int i = 0; i < count; i++) {
            state = state * 1_103_515_245 + 12_345;
            text.append(i == 0 ? "" : " ").append(words.get((state >>> 16) % words.size()));
        }
        return text.toString();
    }

    @Test
    void rows1And2And3And93WhatStandsBehindAnotherBeginningIsNotReused() throws Exception {
        daemonLimits("cache-isolation=api-key");
        try {
            String shared = words(1, 300);
            int asked = 0;
            for (String beginning : List.of("", "river stone ", words(2, 64) + " ", words(3, 128) + " ")) {
                String request = greedy(beginning + shared + ". What is 12 + 35?", 40, ",\"logprobs\":true");
                Reply cold = chat.as("cold" + asked++).answer(request);
                Reply warm = chat.as("shared").answer(request);
                assertEquals(0, cold.cached());
                assertEquals(cold.text(), warm.text());
                assertSameLogprobs(cold, warm);
            }
        } finally {
            daemonLimits("cache-isolation=none");
        }
    }

    private static void daemonLimits(String change) throws Exception {
        DaemonProcess.Outcome outcome = daemon.ctl("limits", change);
        assertEquals(0, outcome.exit(), outcome.toString());
    }

    private static void assertSameLogprobs(Reply expected, Reply actual) {
        assertEquals(expected.logprobs().size(), actual.logprobs().size());
        for (int i = 0; i < expected.logprobs().size(); i++) {
            Tree one = expected.logprobs().get(i);
            Tree other = actual.logprobs().get(i);
            assertEquals(one.at("token"), other.at("token"));
            assertEquals(
                    one.at("logprob").number().doubleValue(),
                    other.at("logprob").number().doubleValue(),
                    1e-3);
        }
    }

    @Test
    void rows4And5And91EachRequestOfABatchIsSampledByItsOwnParameters() throws Exception {
        List<String> requests = new ArrayList<>();
        for (String parameters : List.of(
                "\"temperature\":0",
                "\"temperature\":1.3,\"seed\":1",
                "\"temperature\":1.3,\"seed\":2",
                "\"temperature\":0.7,\"top_p\":0.5,\"seed\":3",
                "\"temperature\":2,\"top_k\":1,\"seed\":4",
                "\"temperature\":1,\"min_p\":0.3,\"seed\":5",
                "\"temperature\":0,\"presence_penalty\":2,\"frequency_penalty\":2",
                "\"temperature\":0,\"repetition_penalty\":1.8",
                "\"temperature\":0,\"logit_bias\":{\"262\":-100,\"275\":-100}")) {
            requests.add(Completions.ask(
                    "Tell me a short story about a cat.",
                    120,
                    ",\"ignore_eos\":true,\"repetition_policy\":\"off\"," + parameters));
        }
        List<String> alone = new ArrayList<>();
        for (String request : requests) {
            alone.add(chat.answer(request).text());
        }
        assertNotEquals(alone.get(1), alone.get(2), "the seed matters");
        assertEquals(alone.get(0), alone.get(4), "of one token the likeliest is left");
        assertTrue(alone.stream().distinct().count() >= 7, "the parameters matter");
        List<Reply> together = together(requests);
        for (int i = 0; i < requests.size(); i++) {
            assertEquals(alone.get(i), together.get(i).text(), requests.get(i));
        }
    }

    @Test
    void rows6And90StopStringsEndAnswersInABatch() throws Exception {
        List<String> subjects = List.of("the sea", "a cat", "the moon", "bread");
        List<String> plain = new ArrayList<>();
        List<String> requests = new ArrayList<>();
        List<String> expected = new ArrayList<>();
        for (String subject : subjects) {
            String question = "Tell me a short story about " + subject + ".";
            String text = chat.answer(greedy(question, 100, "")).text();
            String stop = text.substring(text.length() / 2).replaceAll("(?s)^\\W*(\\w+).*", "$1");
            plain.add(text);
            requests.add(greedy(question, 100, ",\"stop\":[\"" + stop + "\"]"));
            expected.add(text.substring(0, text.indexOf(stop)));
            requests.add(greedy(question, 100, ""));
            expected.add(text);
        }
        List<Reply> together = together(requests);
        for (int i = 0; i < requests.size(); i++) {
            assertEquals(expected.get(i), together.get(i).text(), requests.get(i));
        }
        assertTrue(together.stream()
                .allMatch(
                        reply -> reply.finish().equals("stop") || reply.finish().equals("length")));
        assertEquals(4, plain.stream().distinct().count());
    }

    @Test
    void row10AnExactHitGivesTheSameAnswerToTheLastLogprob() throws Exception {
        String request = greedy(words(4, 200) + ". Who are you?", 60, ",\"logprobs\":true,\"top_logprobs\":3");
        Reply first = chat.answer(request);
        Reply second = chat.answer(request);
        assertTrue(first.cached() < second.cached(), first.cached() + ", then " + second.cached());
        assertEquals(first.usage("prompt_tokens") - 1, second.cached());
        assertEquals(first.text(), second.text());
        assertSameLogprobs(first, second);
    }

    @Test
    void rows11And12AStreamHasAllOfTheTextToItsTail() throws Exception {
        for (int length : List.of(1, 2, 3, 5, 8, 13, 21, 34, 200)) {
            String request = greedy("What is 12 + 35?", length, "");
            Reply whole = chat.answer(request);
            List<Tree> chunks = chat.stream(request, chunk -> {});
            assertEquals(whole.text(), Completions.text(chunks));
            assertEquals(
                    whole.finish(),
                    Completions.ending(chunks).at("finish_reason").text());
        }
        String broken = greedy("Who are you?", 3, ",\"logit_bias\":{\"" + FIRST_OF_FOUR_BYTES + "\":100}");
        assertEquals("\ufffd\ufffd\ufffd", chat.answer(broken).text());
        assertEquals("\ufffd\ufffd\ufffd", Completions.text(chat.stream(broken, chunk -> {})));
    }

    @Test
    void row13GuessedTokensAreTheOnesThatWouldHaveCome() throws Exception {
        List<String> with = new ArrayList<>();
        List<String> without = new ArrayList<>();
        for (String sampling : List.of(
                "\"temperature\":0",
                "\"temperature\":0,\"repetition_penalty\":1.2",
                "\"temperature\":0.9,\"seed\":7",
                "\"temperature\":1.2,\"top_p\":0.9,\"seed\":8")) {
            String question = "Repeat after me, three times: the quick brown fox jumps over the lazy dog.";
            with.add(Completions.ask(question, 120, ",\"speculative\":true," + sampling));
            without.add(Completions.ask(question, 120, ",\"speculative\":false," + sampling));
        }
        List<Reply> guessed = together(with);
        for (int i = 0; i < with.size(); i++) {
            assertEquals(chat.answer(without.get(i)).text(), guessed.get(i).text(), with.get(i));
        }
    }

    @Test
    void rows14And51ARuleOfDashesIsNoRepetitionAndAWordOverAndOverIs() throws Exception {
        Reply rule = chat.answer(greedy("Who are you?", 400, ",\"logit_bias\":{\"" + DASH + "\":100}"));
        assertEquals("-".repeat(400), rule.text());
        assertEquals("length", rule.finish());

        String the = ",\"logit_bias\":{\"" + THE + "\":100}";
        Reply endless = chat.answer(greedy("Who are you?", 1000, the));
        assertEquals("stop", endless.finish());
        assertEquals(
                "repetition_detected",
                endless.body().at("choices", 0, "stop_reason").text());
        assertEquals(
                "single_token_run",
                endless.body().at("choices", 0, "stop_reason_detail").text());
        assertTrue(endless.usage("completion_tokens") < 200, endless.body().toString());

        Reply off = chat.answer(greedy("Who are you?", 300, the + ",\"repetition_policy\":\"off\""));
        assertEquals(" the".repeat(300), off.text());
        assertEquals("length", off.finish());
        assertEquals("", off.body().at("choices", 0, "stop_reason").text());

        Reply strict = chat.answer(greedy("Who are you?", 1000, the + ",\"repetition_policy\":\"strict\""));
        assertTrue(
                strict.usage("completion_tokens") < endless.usage("completion_tokens"),
                strict.body().toString());

        List<Tree> chunks = chat.stream(greedy("Who are you?", 1000, the), chunk -> {});
        assertEquals(endless.text(), Completions.text(chunks));
        Tree ending = Completions.ending(chunks);
        assertEquals("stop", ending.at("finish_reason").text());
        assertEquals("repetition_detected", ending.at("stop_reason").text());
        assertEquals("single_token_run", ending.at("stop_reason_detail").text());
    }

    @Test
    void row96InstructionsAmidAConversationKeepWhatStandsBeforeThem() throws Exception {
        String turn = "{\"max_tokens\":40,\"temperature\":0,\"messages\":[{\"role\":\"user\",\"content\":\""
                + words(5, 200) + "\"}%s]}";
        Reply first = chat.answer(turn.formatted(""));
        String more = ",{\"role\":\"assistant\",\"content\":\"Well.\"},{\"role\":\"system\",\"content\":\"Be brief.\"},"
                + "{\"role\":\"user\",\"content\":\"Who are you?\"}";
        Reply second = chat.answer(turn.formatted(more));
        assertTrue(
                second.cached() >= 0.95 * first.usage("prompt_tokens"),
                second.cached() + " of " + first.usage("prompt_tokens"));
    }

    @Test
    void rows54And95SeedsChoicesLogprobsPenaltiesAndCachedTokensAreThere() throws Exception {
        String sampled = ",\"temperature\":1.9,\"seed\":42";
        String question = "Write a short poem about the sea.";
        Reply one = chat.answer(Completions.ask(question, 50, sampled + ",\"logprobs\":true,\"top_logprobs\":2"));
        Reply three = chat.answer(Completions.ask(question, 50, sampled + ",\"n\":3"));
        assertEquals(one.text(), three.text(0), "the first of several is the one there would be alone");
        assertEquals(
                3,
                List.of(three.text(0), three.text(1), three.text(2)).stream()
                        .distinct()
                        .count());
        assertEquals(one.usage("prompt_tokens"), three.usage("prompt_tokens"));
        assertTrue(three.usage("completion_tokens") > one.usage("completion_tokens"));

        StringBuilder tokens = new StringBuilder();
        for (Tree token : one.logprobs()) {
            tokens.append(token.at("token").text());
            assertTrue(token.at("logprob").number().doubleValue() <= 0);
            List<Tree> top = token.at("top_logprobs").items();
            assertEquals(2, top.size());
            assertTrue(top.get(0).at("logprob").number().doubleValue()
                    >= top.get(1).at("logprob").number().doubleValue());
        }
        assertEquals(one.text(), tokens.toString());

        String onAndOn = ",\"repetition_policy\":\"off\",\"ignore_eos\":true";
        assertNotEquals(
                chat.answer(greedy(question, 80, onAndOn)).text(),
                chat.answer(greedy(question, 80, onAndOn + ",\"frequency_penalty\":2"))
                        .text());
        Reply again = chat.answer(Completions.ask(question, 5, ""));
        assertEquals(one.usage("prompt_tokens") - 1, again.cached());
    }
}
