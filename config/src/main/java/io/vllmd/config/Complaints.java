package io.vllmd.config;

import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with the settings, so that all of it is told at once. */
final class Complaints {
    private record Complaint(String key, String message) {}

    private final List<Complaint> all = new ArrayList<>();

    void add(String key, String message) {
        all.add(new Complaint(key, message));
    }

    /** Throws INVALID with one line for each complaint. */
    void throwIfAny() {
        if (all.isEmpty()) {
            return;
        }
        var first = all.getFirst();
        String message = all.size() == 1
                ? first.message()
                : all.size() + " settings can't be used:\n  "
                        + String.join(
                                "\n  ", all.stream().map(Complaint::message).toList());
        throw Problem.of(Problem.Kind.INVALID, message, first.key()).asException();
    }
}
