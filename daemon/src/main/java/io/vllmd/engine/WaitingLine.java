package io.vllmd.engine;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Requests without a place in the batch: by priority, inside one by arrival. Whoever lost its place is first again. */
final class WaitingLine {
    static final Comparator<Sequence> ORDER = Comparator.<Sequence, Priority>comparing(each -> each.request.priority())
            .thenComparingLong(each -> each.arrival);

    private final PriorityQueue<Sequence> sequences = new PriorityQueue<>(ORDER);

    void add(Sequence sequence) {
        sequences.add(sequence);
    }

    @Nullable
    Sequence first() {
        return sequences.peek();
    }

    void removeFirst() {
        sequences.remove();
    }

    void forEach(Consumer<Sequence> action) {
        sequences.forEach(action);
    }

    void removeIf(Predicate<Sequence> gone) {
        sequences.removeIf(gone);
    }

    boolean isEmpty() {
        return sequences.isEmpty();
    }

    int size() {
        return sequences.size();
    }

    int size(Priority priority) {
        int count = 0;
        for (Sequence each : sequences) {
            count += each.request.priority() == priority ? 1 : 0;
        }
        return count;
    }
}
