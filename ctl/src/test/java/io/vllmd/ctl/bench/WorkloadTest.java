package io.vllmd.ctl.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class WorkloadTest {
    private static final Gauge GAUGE = new Gauge(1.25, 10, true);

    private static Workload workload(CacheUse use, List<String> given) {
        return new Workload(new Cell(1000, 16, use, 3), GAUGE, given, 3, 77);
    }

    private static List<String> texts(List<List<Message>> conversations) {
        return conversations.stream()
                .map(messages -> messages.getLast().content())
                .toList();
    }

    private static int common(String a, String b) {
        int i = 0;
        while (i < Math.min(a.length(), b.length()) && a.charAt(i) == b.charAt(i)) {
            i++;
        }
        return i;
    }

    @Test
    void coldPromptsAreAllOthersFromTheFirstWordsAndOfTheLengthAskedFor() {
        var workload = workload(CacheUse.COLD, List.of());
        Set<String> beginnings = new HashSet<>();
        for (int round = 0; round < 20; round++) {
            assertEquals(List.of(), workload.before(round));
            for (String text : texts(workload.round(round, List.of()))) {
                assertEquals(792, text.split(" ").length, "words for 1000 tokens");
                beginnings.add(text.substring(0, 30));
            }
        }
        assertEquals(60, beginnings.size());
    }

    @Test
    void warmPromptsWereSentBefore() {
        var workload = workload(CacheUse.WARM, List.of());
        List<String> sent = texts(workload.before(0));
        assertEquals(3, new HashSet<>(sent).size());
        assertEquals(sent, texts(workload.round(4, List.of())));
        assertEquals(List.of(), workload.before(1));
    }

    @Test
    void aKnownPrefixIsNineTenthsAndItsRestIsNew() {
        var workload = workload(CacheUse.PREFIX_HIT, List.of());
        String known = texts(workload.before(0)).getFirst();
        Set<String> rests = new HashSet<>();
        for (int round = 0; round < 3; round++) {
            for (String text : texts(workload.round(round, List.of()))) {
                double share = common(known, text) / (double) text.length();
                assertTrue(share > 0.87 && share < 0.93, "share " + share);
                rests.add(text.substring(text.length() - 40));
            }
        }
        assertEquals(9, rests.size());
    }

    @Test
    void aNewBeginningHidesAllThatIsKnown() {
        var workload = workload(CacheUse.PREFIX_MISS, List.of());
        String known = texts(workload.before(0)).getFirst();
        for (String text : texts(workload.round(1, List.of()))) {
            assertTrue(common(known, text) < 40, text);
            assertEquals(known.substring(known.length() - 2000), text.substring(text.length() - 2000));
        }
    }

    @Test
    void aSecondTurnHoldsTheFirstOneWithItsAnswer() {
        var workload = workload(CacheUse.TURN, List.of());
        var first = workload.before(2);
        List<Answer> answers = List.of("A", "B", "C").stream()
                .map(text -> new Answer(0, new long[] {1}, 2, 1, 1, 0, text, null))
                .toList();
        var second = workload.round(2, answers);
        for (int i = 0; i < 3; i++) {
            assertEquals(first.get(i).getFirst(), second.get(i).getFirst());
            assertEquals(
                    new Message("assistant", answers.get(i).text()),
                    second.get(i).get(1));
            assertEquals("user", second.get(i).getLast().role());
        }
        assertEquals(16, workload.tokensBefore());
    }

    @Test
    void givenPromptsAreTakenInOrderAndFromTheStartAgain() {
        var workload = workload(CacheUse.COLD, List.of("a", "b", "c", "d"));
        assertEquals(List.of("a", "b", "c"), texts(workload.round(0, List.of())));
        assertEquals(List.of("d", "a", "b"), texts(workload.round(1, List.of())));
    }
}
