package io.vllmd.chat.template;

import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The variable {@code loop} inside a for loop; callable where the loop is recursive. */
final class LoopContext implements Callable {
    private final List<@Nullable Object> items;
    private final int depth;
    private final @Nullable UnaryOperator<@Nullable Object> recursion;
    private int index;
    private @Nullable Object lastSeen;
    private boolean seen;

    LoopContext(List<@Nullable Object> items, int depth, @Nullable UnaryOperator<@Nullable Object> recursion) {
        this.items = items;
        this.depth = depth;
        this.recursion = recursion;
    }

    void moveTo(int item) {
        index = item;
    }

    int size() {
        return items.size();
    }

    @Override
    public @Nullable Object call(CallArguments arguments) {
        if (recursion == null) {
            throw TemplateException.evaluation("the loop must have the 'recursive' marker to be called recursively");
        }
        return recursion.apply(arguments.bind("loop", 1, "iterable").get(0));
    }

    @Override
    public String toString() {
        return "<LoopContext " + (index + 1) + "/" + items.size() + ">";
    }

    @Nullable
    Object attribute(String name) {
        int size = items.size();
        return switch (name) {
            case "index" -> index + 1L;
            case "index0" -> (long) index;
            case "revindex" -> (long) size - index;
            case "revindex0" -> size - index - 1L;
            case "first" -> index == 0;
            case "last" -> index == size - 1;
            case "length" -> (long) size;
            case "depth" -> depth + 1L;
            case "depth0" -> (long) depth;
            case "previtem" -> index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
            case "nextitem" -> index < size - 1 ? items.get(index + 1) : new Undefined("there is no next item");
            case "cycle" -> (Callable) this::cycle;
            case "changed" -> (Callable) this::changed;
            default -> Undefined.member(this, name);
        };
    }

    private @Nullable Object cycle(CallArguments arguments) {
        if (arguments.positional().isEmpty()) {
            throw TemplateException.evaluation("no items for cycling given");
        }
        return arguments.positional().get(index % arguments.positional().size());
    }

    private Object changed(CallArguments arguments) {
        Tuple now = new Tuple(arguments.positional());
        boolean changed = !seen || !Operators.equal(lastSeen, now);
        lastSeen = now;
        seen = true;
        return changed;
    }
}
