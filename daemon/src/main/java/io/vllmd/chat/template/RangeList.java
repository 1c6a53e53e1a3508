package io.vllmd.chat.template;

import java.util.AbstractList;
import java.util.RandomAccess;

/** {@code range(first, end, step)}, whose numbers are made when asked for. */
final class RangeList extends AbstractList<Object> implements RandomAccess {
    private final long first;
    private final long end;
    private final long step;
    private final int size;

    RangeList(long first, long end, long step, int size) {
        this.first = first;
        this.end = end;
        this.step = step;
        this.size = size;
    }

    @Override
    public Object get(int index) {
        return first + index * step;
    }

    @Override
    public int size() {
        return size;
    }

    String repr() {
        return step == 1 ? "range(" + first + ", " + end + ")" : "range(" + first + ", " + end + ", " + step + ")";
    }
}
