package io.vllmd.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.chat.guard.RepetitionGuard;
import io.vllmd.chat.guard.RepetitionMode;
import io.vllmd.chat.output.OutputEvent;
import io.vllmd.chat.output.OutputPipeline;
import io.vllmd.chat.output.ReasoningFormat;
import io.vllmd.chat.tokenizer.TestTokenizer;
import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.engine.Guidance;
import io.vllmd.engine.TokenGuide;
import io.vllmd.engine.TokenLogprobs;
import io.vllmd.engine.TokenSink.Finish;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunningAnswerTest {
    private static final Tokenizer TOKENIZER =
            TestTokenizer.bytes().added("<end>", "special").load();

    private final AtomicLong nanos = new AtomicLong(1);
    private final TokenQueue queue = new TokenQueue(Duration.ofSeconds(60), nanos::get);
    private final AtomicInteger cancels = new AtomicInteger();

    private RunningAnswer answer(@Nullable TokenGuide watcher, boolean scored, String... stop) {
        OutputPipeline pipeline =
                new OutputPipeline(TOKENIZER, List.of(stop), new ReasoningFormat.None(), false, scored);
        RunningAnswer answer = new RunningAnswer(queue, pipeline, watcher, 7);
        answer.madeBy(cancels::incrementAndGet);
        return answer;
    }

    private void make(String text) {
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            queue.token(b & 0xff, null);
        }
    }

    private static String text(RunningAnswer answer) throws InterruptedException {
        StringBuilder text = new StringBuilder();
        for (Optional<OutputEvent> next = answer.next(); next.isPresent(); next = answer.next()) {
            text.append(((OutputEvent.Text) next.get()).text());
        }
        return text.toString();
    }

    @ParameterizedTest
    @CsvSource({"STOP,STOP,4", "LENGTH,LENGTH,3", "CONTEXT,LENGTH,3", "GUIDE,STOP,3", "CANCELLED,CANCELLED,3"})
    void whyTheEngineEndedItIsTold(Finish finish, Answer.Stop stop, int completionTokens) throws Exception {
        RunningAnswer answer = answer(null, false);
        queue.started(5);
        make("abc");
        queue.finished(finish, null);
        assertEquals("abc", text(answer));
        assertEquals(stop, answer.stop());
        assertEquals(completionTokens, answer.completionTokens());
        assertEquals(7, answer.promptTokens());
        assertEquals(5, answer.cachedTokens());
        assertTrue(answer.guideStop().isEmpty());
    }

    @ParameterizedTest
    @CsvSource({
        "repetition_detected:single_token_run, repetition_detected, single_token_run",
        "grammar: complete, grammar, complete",
        "enough, enough, ''"
    })
    void aGuidesReasonIsToldInItsParts(String word, String reason, String detail) throws Exception {
        RunningAnswer answer = answer(null, false);
        queue.finished(Finish.GUIDE, word);
        assertEquals("", text(answer));
        assertEquals(Optional.of(new Answer.GuideStop(reason, detail)), answer.guideStop());
    }

    /** Ends the answer after so many tokens. */
    private static TokenGuide endsAfter(int tokens) {
        return new TokenGuide() {
            private int seen;

            @Override
            public Guidance next() {
                return seen >= tokens ? new Guidance.End("enough:of it") : Guidance.FREE;
            }

            @Override
            public void accept(int token) {
                seen++;
            }

            @Override
            public void rollback(int tokens) {
                seen -= tokens;
            }

            @Override
            public boolean steers() {
                return false;
            }
        };
    }

    @Test
    void whereAWatcherEndsItWhatTheEngineMadeBeyondIsNotPartOfIt() throws Exception {
        RunningAnswer answer = answer(endsAfter(4), false, "##");
        make("abc#efgh");
        assertEquals("abc#", text(answer));
        assertEquals(Answer.Stop.STOP, answer.stop());
        assertEquals(Optional.of(new Answer.GuideStop("enough", "of it")), answer.guideStop());
        assertEquals(4, answer.completionTokens());
        assertEquals(1, cancels.get());
    }

    @Test
    void aWatcherSeesEveryTokenHoweverTheyCame() throws Exception {
        RunningAnswer answer = answer(endsAfter(4), false);
        make("ab");
        assertEquals(Optional.of(new OutputEvent.Text("a")), answer.next());
        assertEquals(Optional.of(new OutputEvent.Text("b")), answer.next());
        make("cdef");
        assertEquals("cd", text(answer));
    }

    @Test
    void aGuideThatSteersIsNoWatcher() {
        TokenGuide steering = new TokenGuide() {
            @Override
            public Guidance next() {
                return Guidance.FREE;
            }

            @Override
            public void accept(int token) {}

            @Override
            public void rollback(int tokens) {}
        };
        assertThrows(IllegalArgumentException.class, () -> answer(steering, false));
    }

    @Test
    void anAnswerThatGoesInCirclesIsEndedByTheGuard() throws Exception {
        RunningAnswer answer = answer(new RepetitionGuard(RepetitionMode.SAFE, TOKENIZER), false);
        make("and so on ".repeat(1000));
        String text = text(answer);
        assertTrue(text.startsWith("and so on and so on ") && text.length() < 1000, text);
        assertEquals("repetition_detected", answer.guideStop().orElseThrow().reason());
        assertEquals("pattern_loop_len_10", answer.guideStop().orElseThrow().detail());
    }

    @Test
    void aStopStringCancelsWhatIsStillMade() throws Exception {
        RunningAnswer answer = answer(null, false, "##");
        make("ab##cd");
        assertEquals("ab", text(answer));
        assertEquals(Answer.Stop.STOP, answer.stop());
        assertEquals(4, answer.completionTokens());
        assertEquals(1, cancels.get());
    }

    @Test
    void logprobsComeWithTheTokensOfTheText() throws Exception {
        RunningAnswer answer = answer(null, true, "##");
        for (char c : "a#b##".toCharArray()) {
            queue.token(c, new TokenLogprobs(-c, new int[] {c}, new float[] {-c}));
        }
        StringBuilder listed = new StringBuilder();
        for (Optional<OutputEvent> next = answer.next(); next.isPresent(); next = answer.next()) {
            OutputEvent.Text piece = (OutputEvent.Text) next.get();
            listed.append(piece.text())
                    .append(piece.tokens().stream()
                            .map(token -> String.valueOf((char) token.id()))
                            .collect(Collectors.joining("", "[", "]")));
        }
        assertEquals("a[a]#b[#b]", listed.toString());
    }

    @Test
    void aStallGivesThePlaceBackAndIsTold() throws Exception {
        RunningAnswer answer = answer(null, false);
        queue.started(0);
        make("a");
        assertEquals(Optional.of(new OutputEvent.Text("a")), answer.next());
        nanos.addAndGet(Duration.ofMinutes(2).toNanos());
        Problem problem = assertThrows(ProblemException.class, answer::next).problem();
        assertEquals(Problem.Kind.UNAVAILABLE, problem.kind());
        assertEquals(1, cancels.get());
    }

    @Test
    void aCancelBeforeTheEngineTookItIsPassedOn() {
        RunningAnswer answer = new RunningAnswer(
                queue, new OutputPipeline(TOKENIZER, List.of(), new ReasoningFormat.None(), false), null, 1);
        answer.cancel();
        answer.madeBy(cancels::incrementAndGet);
        assertEquals(1, cancels.get());
    }
}
