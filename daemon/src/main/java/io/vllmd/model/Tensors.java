package io.vllmd.model;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.hub.ModelFolder;
import io.vllmd.mlx.Dtype;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A folder's tensors as a binder takes them: each is checked against the dtype and shape that the architecture
 * asks for before a byte of it is read, and what nobody took is known in the end.
 */
final class Tensors {
    private final ModelFolder folder;
    private final Set<String> taken = new HashSet<>();

    Tensors(ModelFolder folder) {
        this.folder = folder;
    }

    boolean has(String name) {
        return folder.has(name);
    }

    /** Rows [n] or [n, k] of one tensor, in one of the expected dtypes. */
    ModelFolder.Entry take(String name, Set<Dtype> dtypes, int... shape) {
        ModelFolder.Entry entry = takeAny(name, shape);
        if (!dtypes.contains(entry.tensor().dtype())) {
            throw invalid(entry, "is " + word(entry.tensor().dtype()) + "; " + words(dtypes) + " is expected");
        }
        if (!Arrays.equals(entry.tensor().shape(), shape)) {
            throw invalid(
                    entry,
                    "has shape " + Arrays.toString(entry.tensor().shape()) + "; " + Arrays.toString(shape)
                            + " is expected");
        }
        return entry;
    }

    /** A tensor of which only its presence is asked; {@code expected} goes into the message where it is absent. */
    ModelFolder.Entry takeAny(String name, int... expected) {
        if (!folder.has(name)) {
            throw missing(name, expected);
        }
        taken.add(name);
        return folder.tensor(name);
    }

    ProblemException missing(String name, int... expected) {
        return Problem.of(
                        Problem.Kind.INVALID,
                        folder.root() + ": tensor " + name + " is missing; the configuration asks for one of shape "
                                + Arrays.toString(expected) + ". Download the model again or convert it anew",
                        name)
                .asException();
    }

    /** Refuses tensors that no part of the architecture took: ignoring them would compute another model. */
    void refuseLeftOver(Predicate<String> ignorable) {
        @Nullable String first = null;
        Set<String> left = new TreeSet<>(folder.tensorNames());
        left.removeAll(taken);
        left.removeIf(ignorable);
        for (String name : left) {
            first = name;
            break;
        }
        if (first != null) {
            throw invalid(
                    folder.tensor(first),
                    "is no part of the model that config.json describes"
                            + (left.size() > 1 ? ", and " + (left.size() - 1) + " more are not" : ""));
        }
    }

    static ProblemException invalid(ModelFolder.Entry entry, String what) {
        String name = entry.tensor().name();
        return Problem.of(
                        Problem.Kind.INVALID,
                        "tensor " + name + " in " + entry.file().file() + " " + what,
                        name)
                .asException();
    }

    private static String words(Set<Dtype> dtypes) {
        TreeSet<Dtype> inOrder = new TreeSet<>(dtypes);
        return String.join(" or ", inOrder.stream().map(Tensors::word).toList());
    }

    private static String word(Dtype dtype) {
        return dtype.name().toLowerCase(Locale.ROOT);
    }
}
