package io.vllmd.chat.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.vllmd.chat.tokenizer.TestTokenizer;
import io.vllmd.chat.tokenizer.Tokenizer;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OutputPipelineTest {
    /** Bytes as ids, then {@code <think>} 256, {@code </think>} 257, {@code <end>} 258, which is special. */
    private static final Tokenizer TOKENIZER = TestTokenizer.bytes()
            .added("<think>")
            .added("</think>")
            .added("<end>", "special")
            .load();

    private static final ReasoningFormat NONE = new ReasoningFormat.None();
    private static final ReasoningFormat IDS = ReasoningFormat.of(TOKENIZER);
    private static final ReasoningFormat TEXTS = new ReasoningFormat.TagTexts("<think>", "</think>");

    private final List<OutputEvent> events = new ArrayList<>();

    private static OutputPipeline pipeline(ReasoningFormat format, String... stop) {
        return new OutputPipeline(TOKENIZER, List.of(stop), format, false);
    }

    private void push(OutputPipeline pipeline, String text) {
        for (int id : TOKENIZER.encode(text)) {
            pipeline.push(id, events::add);
        }
    }

    private void pushBytes(OutputPipeline pipeline, String text) {
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            pipeline.push(b & 0xff, events::add);
        }
    }

    private String text() {
        StringBuilder text = new StringBuilder();
        for (OutputEvent event : events) {
            if (event instanceof OutputEvent.Text piece) {
                text.append(piece.text());
            }
        }
        return text.toString();
    }

    private String reasoning() {
        StringBuilder text = new StringBuilder();
        for (OutputEvent event : events) {
            if (event instanceof OutputEvent.Reasoning piece) {
                text.append(piece.text());
            }
        }
        return text.toString();
    }

    @Test
    void aBlockIsReasoningWithoutTheNewlinesOfTheTemplate() {
        OutputPipeline pipeline = pipeline(IDS);
        push(pipeline, "<think>\nOnes:\n\nseven.\n</think>\n\n12 + 35 = 47\n");
        pipeline.finish(events::add);
        assertEquals("Ones:\n\nseven.", reasoning());
        assertEquals("12 + 35 = 47\n", text());
        assertEquals(2 + "\nOnes:\n\nseven.\n".length(), pipeline.reasoningTokens());
    }

    @Test
    void anEmptyBlockGivesNoEvent() {
        OutputPipeline pipeline = pipeline(IDS);
        push(pipeline, "<think>\n\n</think>\n\nHi");
        pipeline.finish(events::add);
        assertEquals(List.of(new OutputEvent.Text("H"), new OutputEvent.Text("i")), events);
    }

    @Test
    void anAnswerMayStartInsideABlock() {
        OutputPipeline pipeline = new OutputPipeline(TOKENIZER, List.of(), IDS, true);
        push(pipeline, "\nhm</think>\nyes");
        assertEquals("hm", reasoning());
        assertEquals("yes", text());
    }

    @Test
    void aBlockThatNeverEndsKeepsItsNewlines() {
        OutputPipeline pipeline = pipeline(IDS);
        push(pipeline, "<think>hm\n\n");
        assertEquals("hm", reasoning());
        pipeline.finish(events::add);
        assertEquals("hm\n\n", reasoning());
    }

    @Test
    void tagsMadeOfOtherTokensAreTextWhereTheVocabularyHasThem() {
        OutputPipeline pipeline = pipeline(IDS);
        pushBytes(pipeline, "<think>x</think>");
        assertEquals("<think>x</think>", text());
    }

    @Test
    void tagsInTextAreFoundWhereverTheyAreCut() {
        OutputPipeline pipeline = pipeline(TEXTS);
        pushBytes(pipeline, "a<thin<think>b</think></think>c<thi");
        assertEquals("a<thin</think>c", text());
        assertEquals("b", reasoning());
        pipeline.finish(events::add);
        assertEquals("a<thin</think>c<thi", text());
    }

    @Test
    void aStrayTagIsText() {
        OutputPipeline pipeline = pipeline(IDS);
        push(pipeline, "a</think>b<think>c<think>d</think>e");
        assertEquals("a</think>be", text());
        assertEquals("c<think>d", reasoning());
    }

    @Test
    void aStopStringEndsTheAnswerAndNoneOfItLeaks() {
        OutputPipeline pipeline = pipeline(IDS, "STOP");
        push(pipeline, "one STO");
        assertEquals("one ", text());
        assertFalse(pipeline.stopped());
        push(pipeline, "P two");
        assertTrue(pipeline.stopped());
        pipeline.finish(events::add);
        assertEquals("one ", text());
    }

    @Test
    void whatOnlyLookedLikeAStopStringIsGivenOut() {
        OutputPipeline pipeline = pipeline(IDS, "aab");
        push(pipeline, "aaac");
        assertEquals("aaac", text());
        push(pipeline, "aa");
        pipeline.finish(events::add);
        assertEquals("aaacaa", text());
    }

    @Test
    void theStopStringThatIsCompleteFirstCounts() {
        OutputPipeline pipeline = pipeline(IDS, "bcde", "cd", "d");
        push(pipeline, "abcde");
        assertEquals("ab", text());
    }

    @Test
    void stopStringsAreNotLookedForInReasoningOrAcrossIt() {
        OutputPipeline pipeline = pipeline(IDS, "ab");
        push(pipeline, "a<think>ab</think>b ab c");
        pipeline.finish(events::add);
        assertEquals("ab ", text());
        assertEquals("ab", reasoning());
    }

    @Test
    void blankLinesAfterReasoningDoNotCountAsStopString() {
        OutputPipeline pipeline = pipeline(IDS, "\n\n");
        push(pipeline, "<think>x</think>\n\nyes\n\nno");
        assertEquals("yes", text());
    }

    @Test
    void aStopStringHeldBackAsATagIsSeenAtTheEnd() {
        OutputPipeline pipeline = pipeline(TEXTS, "<th");
        push(pipeline, "a");
        pushBytes(pipeline, "<th");
        assertFalse(pipeline.stopped());
        pipeline.finish(events::add);
        assertTrue(pipeline.stopped());
        assertEquals("a", text());
    }

    @Test
    void specialTokensAndEmptyStopStringsLeaveNoTrace() {
        OutputPipeline pipeline = pipeline(IDS, "");
        push(pipeline, "a<end>b");
        assertEquals("ab", text());
    }

    @Test
    void aCharacterCutByATagIsReplaced() {
        OutputPipeline pipeline = pipeline(IDS);
        pipeline.push(0xe4, events::add);
        push(pipeline, "<think>x");
        assertEquals("\ufffd", text());
    }

    @Test
    void aTokenAfterTheEndIsAnError() {
        OutputPipeline pipeline = pipeline(IDS);
        pipeline.finish(events::add);
        pipeline.finish(events::add);
        assertThrows(IllegalStateException.class, () -> pipeline.push(1, events::add));
        assertEquals(List.of(), events);
    }

    @Test
    void theFormatIsReadFromTheVocabularyAndThePrompt() {
        assertEquals(new ReasoningFormat.TagIds(256, 257), IDS);
        assertEquals(NONE, ReasoningFormat.of(TestTokenizer.bytes().load()));
        for (ReasoningFormat format : List.of(IDS, TEXTS)) {
            assertTrue(format.isOpenAfter(TOKENIZER.encode("hi<end>\n<think>\n"), TOKENIZER));
            assertFalse(format.isOpenAfter(TOKENIZER.encode("<think>\n\n</think>\n\n"), TOKENIZER));
            assertFalse(format.isOpenAfter(TOKENIZER.encode("what is <think><end>"), TOKENIZER));
            assertFalse(format.isOpenAfter(new int[0], TOKENIZER));
        }
        assertFalse(NONE.isOpenAfter(TOKENIZER.encode("<think>"), TOKENIZER));
    }

    /** Row 30 of the inventory of weaknesses: a detokeniser took 52 ms to make, at every request. */
    @Test
    void row30ARequestsPipelineIsMadeOfNothingButItsOwnState() {
        Tokenizer tokenizer = TestTokenizer.sprout();
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        OutputPipeline[] made = new OutputPipeline[1000];
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < made.length; i++) {
            made[i] = new OutputPipeline(tokenizer, List.of("###"), new ReasoningFormat.None(), false, true);
        }
        long each = (threads.getCurrentThreadAllocatedBytes() - before) / made.length;
        assertTrue(each < 8_000, each + " bytes, which is more than a vocabulary's least table can be hidden in");
        assertNotNull(made[999]);
    }
}
