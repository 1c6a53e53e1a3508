package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class TokenHistoryTest {

    /** Counts every token anew. */
    private static Map<Integer, List<Integer>> recount(
            List<Integer> tokens, int promptLength, Sampling.Penalties penalties, boolean newestUnknown) {
        int generated = penalties.presence() != 0 || penalties.frequency() != 0 ? 1 : 0;
        int window = penalties.window() == 0 ? Integer.MAX_VALUE : penalties.window();
        long from = tokens.size() + (newestUnknown ? 1 : 0) - (long) window;
        Map<Integer, List<Integer>> counts = new TreeMap<>();
        for (int i = 0; i < tokens.size(); i++) {
            int made = i >= promptLength ? generated : 0;
            int repeated = penalties.repetition() != 1 && i >= from ? 1 : 0;
            if (made + repeated > 0) {
                counts.merge(
                        tokens.get(i),
                        List.of(made, repeated),
                        (a, b) -> List.of(a.get(0) + b.get(0), a.get(1) + b.get(1)));
            }
        }
        return counts;
    }

    private static Map<Integer, List<Integer>> counts(TokenHistory history, boolean newestUnknown) {
        Map<Integer, List<Integer>> counts = new TreeMap<>();
        history.forEach(
                newestUnknown,
                (id, generated, repeats) ->
                        assertEquals(null, counts.put(id, List.of(generated, repeats)), "token " + id + " told twice"));
        return counts;
    }

    @Test
    void countsEqualANaiveRecountWhateverComesAndGoes() {
        Random random = new Random(3);
        for (int round = 0; round < 300; round++) {
            Sampling.Penalties penalties = new Sampling.Penalties(
                    random.nextInt(2),
                    random.nextInt(2),
                    random.nextBoolean() ? 1 : 1.2f,
                    random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(40));
            int vocabulary = 1 + random.nextInt(random.nextBoolean() ? 6 : 5000);
            int[] prompt = random.ints(random.nextInt(100), 0, vocabulary).toArray();
            List<Integer> tokens = new ArrayList<>();
            for (int token : prompt) {
                tokens.add(token);
            }
            TokenHistory history = new TokenHistory(prompt, penalties);
            for (int step = 0; step < 60; step++) {
                int answer = tokens.size() - prompt.length;
                if (random.nextInt(4) == 0) {
                    int back = random.nextInt(Math.min(answer, 8) + 1);
                    history.rollback(back);
                    tokens.subList(tokens.size() - back, tokens.size()).clear();
                } else {
                    int token = random.nextInt(vocabulary);
                    history.add(token);
                    tokens.add(token);
                }
                assertEquals(tokens.size(), history.size());
                for (boolean unknown : new boolean[] {false, true}) {
                    assertEquals(
                            recount(tokens, prompt.length, penalties, unknown),
                            counts(history, unknown),
                            penalties + ", " + tokens + ", newest unknown: " + unknown);
                }
            }
        }
    }

    @Test
    void nothingIsKeptWithoutPenalties() {
        TokenHistory history = new TokenHistory(new int[] {1, 2, 3}, Sampling.Penalties.NONE);
        history.add(1);
        assertFalse(history.counts());
        assertEquals(Map.of(), counts(history, true));
        assertEquals(4, history.size());
    }

    @Test
    void thePromptIsNeverTakenBack() {
        TokenHistory history = new TokenHistory(new int[] {1, 2, 3}, new Sampling.Penalties(1, 0, 1, 0));
        history.add(4);
        assertThrows(IllegalArgumentException.class, () -> history.rollback(2));
        history.rollback(1);
        assertEquals(3, history.size());
    }
}
