package io.vllmd.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Has a draft model guess at random for whom and how far, whatever it costs. */
final class DraftDice extends DraftGate {
    private final Random random;

    DraftDice(Random random) {
        this.random = random;
    }

    @Override
    Plan plan(List<Sequence> candidates, int rows, StepCosts costs, Drafter drafter) {
        List<Sequence> some = new ArrayList<>(candidates);
        some.removeIf(each -> random.nextInt(4) == 0);
        return some.isEmpty() || random.nextInt(5) == 0 ? Plan.NONE : new Plan(some, 1 + random.nextInt(6));
    }
}
