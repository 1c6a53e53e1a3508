package io.vllmd.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A draft model is asked where its rate and the costs say that it wins, and tried seldom where it lost. */
class DraftGateTest {

    private record Costs(double nanos) implements Drafter {
        @Override
        public List<int[]> guess(List<Sequence> sequences, int count) {
            throw new AssertionError();
        }

        @Override
        public boolean serves(Sequence sequence) {
            return true;
        }

        @Override
        public double nanos(int sequences) {
            return nanos;
        }

        @Override
        public void keepOnly(List<Sequence> running) {}

        @Override
        public long kvBytes() {
            return 0;
        }

        @Override
        public long kvEvictableBytes() {
            return 0;
        }

        @Override
        public void close() {}
    }

    private static StepCosts costs(long oneRow, long eachMore) {
        StepCosts costs = new StepCosts();
        for (int rows = 1; rows <= 64; rows++) {
            costs.measuredRows(rows, oneRow + eachMore * (rows - 1));
        }
        return costs;
    }

    private static Sequence sequence(long number) {
        GenerationRequest request = new GenerationRequest("g" + number, new int[] {1}, Sampling.GREEDY, 100, Set.of());
        return new Sequence(request, new SamplingPlan(request, 64), null, number, new Recorder(), () -> {});
    }

    @Test
    void guessesFartherTheMoreOftenItIsRight() {
        DraftGate gate = new DraftGate();
        Sequence sequence = sequence(1);
        StepCosts costs = costs(1000, 30);
        int first = gate.plan(List.of(sequence), 1, costs, new Costs(100)).tokens();
        for (int i = 0; i < 20; i++) {
            gate.verified(sequence, 4, 4);
        }
        int sure = gate.plan(List.of(sequence), 1, costs, new Costs(100)).tokens();
        for (int i = 0; i < 20; i++) {
            gate.verified(sequence, 4, i % 2);
        }
        int unsure = gate.plan(List.of(sequence), 1, costs, new Costs(100)).tokens();
        assertTrue(first > 0 && sure > first && unsure < first, first + " " + sure + " " + unsure);
    }

    @Test
    void guessesForThoseItIsRightAbout() {
        DraftGate gate = new DraftGate();
        Sequence good = sequence(1);
        Sequence bad = sequence(2);
        for (int i = 0; i < 30; i++) {
            gate.verified(good, 3, 3);
            gate.verified(bad, 3, 0);
        }
        DraftGate.Plan plan = gate.plan(List.of(bad, good), 2, costs(1000, 50), new Costs(100));
        assertEquals(List.of(good), plan.sequences());
    }

    @Test
    void staysOffWhereItCannotWin() {
        DraftGate gate = new DraftGate();
        List<Sequence> one = List.of(sequence(1));
        for (int i = 0; i < 10_000; i++) {
            assertEquals(DraftGate.Plan.NONE, gate.plan(one, 1, costs(1000, 1000), new Costs(500)));
        }
    }

    @Test
    void isTriedMoreAndMoreSeldomWhereItsGuessesAreWrong() {
        DraftGate gate = new DraftGate();
        Sequence sequence = sequence(1);
        StepCosts costs = costs(1000, 30);
        List<Integer> tries = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            DraftGate.Plan plan = gate.plan(List.of(sequence), 1, costs, new Costs(300));
            if (plan.tokens() > 0) {
                tries.add(i);
                gate.verified(sequence, plan.tokens(), 0);
            }
        }
        assertTrue(tries.size() < 40, tries.toString());
        int last = tries.size() - 1;
        assertTrue(tries.get(last) - tries.get(last - 1) > 2000, tries.toString());
    }
}
