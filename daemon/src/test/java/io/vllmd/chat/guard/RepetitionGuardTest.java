package io.vllmd.chat.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.vllmd.chat.tokenizer.TestTokenizer;
import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.engine.Guidance;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Row 14 is that of the original's weaknesses in generated text: rules and padding were taken for loops. */
class RepetitionGuardTest {
    private static final Tokenizer TOKENIZER = TestTokenizer.sprout();

    private static final String INTRODUCTION =
            "Let me think about this step by step. First, we look at what was asked.\n\n";

    /** May end early where a profile is strict. */
    private static final Set<String> NOT_STRICT =
            Set.of("a song", "a chorus sung four times", "lines to copy", "a matrix of zeros");

    /** Tokens after which the guard ended the answer, −1 where it did not. */
    private static int endsAfter(RepetitionGuard guard, int[] tokens) {
        for (int i = 0; i < tokens.length; i++) {
            guard.accept(tokens[i]);
            if (guard.next() instanceof Guidance.End) {
                return i + 1;
            }
        }
        return -1;
    }

    @ParameterizedTest
    @EnumSource(RepetitionMode.class)
    void row14WhatRepeatsItselfOnPurposeIsLeftAlone(RepetitionMode mode) {
        List<String> alarms = new ArrayList<>();
        for (Map.Entry<String, String> each : RepetitionCorpus.onPurpose().entrySet()) {
            if (mode == RepetitionMode.STRICT && NOT_STRICT.contains(each.getKey())) {
                continue;
            }
            int[] tokens = TOKENIZER.encode(INTRODUCTION + each.getValue());
            int end = endsAfter(new RepetitionGuard(mode, TOKENIZER), tokens);
            if (end >= 0) {
                alarms.add(each.getKey() + " after " + end + " of " + tokens.length + " tokens");
            }
        }
        assertEquals(List.of(), alarms);
    }

    @ParameterizedTest
    @EnumSource(RepetitionMode.class)
    void loopsOfWordsEndSoon(RepetitionMode mode) {
        for (Map.Entry<String, String> each : RepetitionCorpus.loops().entrySet()) {
            int once = TOKENIZER.encode(each.getValue().repeat(2)).length / 2 + 1;
            int bound = mode.bound(LoopKind.PROSE, once) + once;
            assertEndsWithin(mode, each.getKey(), each.getValue(), bound);
        }
    }

    @ParameterizedTest
    @EnumSource(RepetitionMode.class)
    void loopsThatLookLikeDataEndAtLast(RepetitionMode mode) {
        for (Map.Entry<String, String> each : RepetitionCorpus.loopsOfData().entrySet()) {
            assertEndsWithin(mode, each.getKey(), each.getValue(), mode.bound(LoopKind.SYMBOLS, 1) + 32);
        }
    }

    private static void assertEndsWithin(RepetitionMode mode, String name, String unit, int bound) {
        int before = TOKENIZER.encode(INTRODUCTION).length;
        int[] tokens = TOKENIZER.encode(INTRODUCTION + unit.repeat(8 * bound));
        int end = endsAfter(new RepetitionGuard(mode, TOKENIZER), tokens);
        assertTrue(end > 0, name + " goes on for ever");
        assertTrue(end - before <= bound + 2, name + " ends after " + (end - before) + " tokens, not within " + bound);
    }

    @Test
    void theReasonNamesTheTrigger() {
        RepetitionGuard guard = new RepetitionGuard(RepetitionMode.SAFE, TOKENIZER);
        int[] word = TOKENIZER.encode(" the the the");
        for (int i = 0; i < 96; i++) {
            assertSame(Guidance.FREE, guard.next());
            guard.accept(word[1]);
        }
        assertEquals(new Guidance.End("repetition_detected:single_token_run"), guard.next());
        RepetitionGuard other = new RepetitionGuard(RepetitionMode.STRICT, TOKENIZER);
        int[] words = TOKENIZER.encode(" the dog");
        String reason = "";
        for (int i = 0; i < 100 && reason.isEmpty(); i++) {
            other.accept(words[i % words.length]);
            reason = other.next() instanceof Guidance.End end ? end.reason() : "";
        }
        assertEquals("repetition_detected:pattern_loop_len_" + words.length, reason);
        assertFalse(guard.steers());
    }

    @Test
    void guessesThatAreTakenBackLeaveNoTrace() {
        Random random = new Random(5);
        for (int round = 0; round < 40; round++) {
            // Few tokens, so that loops come and go; now and then a stretch that repeats.
            int[] some = TOKENIZER.encode(" the dog and cat in New York");
            List<Integer> answer = new ArrayList<>();
            RepetitionGuard guard = new RepetitionGuard(RepetitionMode.STRICT, TOKENIZER);
            int period = 1 + random.nextInt(6);
            while (answer.size() < 300) {
                int guesses = random.nextInt(5);
                for (int i = 0; i < guesses; i++) {
                    guard.accept(next(random, answer, period, some));
                    guard.next();
                }
                guard.rollback(guesses);
                int token = next(random, answer, period, some);
                answer.add(token);
                guard.accept(token);
                String expected = plainly(answer);
                String told = guard.next() instanceof Guidance.End end ? end.reason() : null;
                if (expected != null || told != null) {
                    assertEquals(expected, told, "after " + answer.size() + " tokens");
                    int back = 1 + random.nextInt(answer.size());
                    guard.rollback(back);
                    answer.subList(answer.size() - back, answer.size()).clear();
                    assertEquals(plainly(answer) == null, guard.next() instanceof Guidance.Free);
                    period = 1 + random.nextInt(6);
                    if (random.nextInt(4) == 0) {
                        break;
                    }
                }
            }
        }
    }

    private static int next(Random random, List<Integer> answer, int period, int[] some) {
        boolean repeats = answer.size() >= period && random.nextInt(60) > 0;
        return repeats ? answer.get(answer.size() - period) : some[random.nextInt(some.length)];
    }

    /** A fresh guard that saw the answer only, but for what it found before. */
    private static @Nullable String plainly(List<Integer> answer) {
        RepetitionGuard guard = new RepetitionGuard(RepetitionMode.STRICT, TOKENIZER);
        for (int i = 0; i < answer.size(); i++) {
            guard.accept(answer.get(i));
            if (guard.next() instanceof Guidance.End end) {
                if (i + 1 < answer.size()) {
                    fail("found before the answer's end");
                }
                return end.reason();
            }
        }
        return null;
    }
}
