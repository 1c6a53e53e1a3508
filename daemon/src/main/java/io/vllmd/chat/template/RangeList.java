package io.vllmd.chat.template;

import java.util.AbstractList;
import java.util.RandomAccess;

/** {@code range(first, end, step)}, whose numbers are made when asked for. */
final class RangeList extends AbstractList<Object> implements RandomAccess {
    private final long first;
    private final long end;
    private final long step;
    private final int size;

    private RangeList(long first, long end, long step, int size) {
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

    /** The numbers at these indexes, as a range too. */
    RangeList slice(long begin, long end, long stride) {
        return of(first + begin * step, first + end * step, step * stride);
    }

    static long size(long first, long end, long step) {
        return Math.max(0, step > 0 ? Math.ceilDiv(end - first, step) : Math.ceilDiv(first - end, -step));
    }

    /** As Python's, for a size that fits an int. */
    static RangeList of(long first, long end, long step) {
        return new RangeList(first, end, step, Math.toIntExact(size(first, end, step)));
    }

    String repr() {
        return step == 1 ? "range(" + first + ", " + end + ")" : "range(" + first + ", " + end + ", " + step + ")";
    }
}
