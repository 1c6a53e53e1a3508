package io.vllmd.chat.guard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PeriodsTest {
    private static final int LONGEST = 9;

    private static int naively(List<Integer> tokens, int p) {
        int repeated = 0;
        for (int i = tokens.size() - 1; i >= p && tokens.get(i).equals(tokens.get(i - p)); i--) {
            repeated++;
        }
        return repeated == 0 ? 0 : repeated + p;
    }

    @Test
    void lengthsEqualANaiveCountWhateverComesAndGoes() {
        Random random = new Random(8);
        for (int round = 0; round < 400; round++) {
            Periods periods = new Periods(LONGEST);
            List<Integer> tokens = new ArrayList<>();
            int period = 1 + random.nextInt(LONGEST + 2);
            for (int step = 0; step < 80; step++) {
                if (random.nextInt(6) == 0) {
                    int back = random.nextInt(Math.min(tokens.size(), 30) + 1);
                    periods.rollback(back);
                    tokens.subList(tokens.size() - back, tokens.size()).clear();
                } else {
                    boolean repeats = tokens.size() >= period && random.nextInt(12) > 0;
                    int token = repeats ? tokens.get(tokens.size() - period) : random.nextInt(3);
                    periods.add(token);
                    tokens.add(token);
                }
                for (int p = 1; p <= LONGEST; p++) {
                    assertEquals(naively(tokens, p), periods.length(p), "period " + p + " of " + tokens);
                }
            }
        }
    }

    @Test
    void theNewestTokensAreAtHand() {
        Periods periods = new Periods(2);
        for (int i = 0; i < 1000; i++) {
            periods.add(i);
        }
        assertArrayEquals(new int[] {998, 999}, periods.newest(2));
        periods.rollback(998);
        assertArrayEquals(new int[] {0, 1}, periods.newest(5));
        assertThrows(IllegalArgumentException.class, () -> periods.rollback(3));
    }
}
