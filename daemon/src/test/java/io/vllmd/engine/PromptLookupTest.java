package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PromptLookupTest {

    @Test
    void guessesWhatCameAfterTheSameThreeTokens() {
        PromptLookup lookup = new PromptLookup(new int[] {1, 2, 3, 4, 5, 6, 9, 1, 2, 3});
        assertArrayEquals(new int[] {4, 5, 6, 9}, lookup.guess(4));
        lookup.add(4);
        assertArrayEquals(new int[] {5, 6}, lookup.guess(2));
        PromptLookup loop = new PromptLookup(new int[] {8, 8, 8, 8});
        assertArrayEquals(new int[] {8, 8, 8}, loop.guess(3));
        lookup.add(7);
        assertArrayEquals(new int[0], lookup.guess(3));
    }

    @Test
    void guessesWhatASearchFromTheEndFinds() {
        Random random = new Random(1);
        for (int round = 0; round < 50; round++) {
            List<Integer> tokens = new ArrayList<>();
            int[] prompt = random.ints(random.nextInt(200), 0, 4).toArray();
            PromptLookup lookup = new PromptLookup(prompt);
            for (int token : prompt) {
                tokens.add(token);
            }
            for (int i = 0; i < 500; i++) {
                int token = random.nextInt(4);
                lookup.add(token);
                tokens.add(token);
                List<Integer> guess = new ArrayList<>();
                for (int each : lookup.guess(5)) {
                    guess.add(each);
                }
                assertEquals(searched(tokens, 5), guess);
            }
        }
    }

    private static List<Integer> searched(List<Integer> tokens, int most) {
        int size = tokens.size();
        for (int end = size - 1; size >= 3 && end >= 3; end--) {
            if (tokens.subList(end - 3, end).equals(tokens.subList(size - 3, size))) {
                List<Integer> extended = new ArrayList<>(tokens);
                for (int i = 0; i < most; i++) {
                    extended.add(extended.get(end + i));
                }
                return extended.subList(size, size + most);
            }
        }
        return List.of();
    }
}
