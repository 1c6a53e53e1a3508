package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Batch;
import io.vllmd.mlx.KvArena;
import io.vllmd.mlx.Mlx;
import io.vllmd.model.AttentionShape;
import io.vllmd.model.KvStep;
import java.util.ArrayList;
import java.util.List;

/**
 * The rows of one step over the slots. Rows of one capacity class stand together: with one class, the usual case,
 * nothing is cut or joined.
 */
final class SlotStep implements KvStep, AutoCloseable {
    private final List<Group> groups = new ArrayList<>(1);
    private int rows;

    private record Group(CapacityClass home, Batch batch, int lastSlot, int start, int end) {}

    /** Adds the next rows, all of one class. */
    void add(CapacityClass home, int[] slots, int[] positions) {
        int last = 0;
        for (int slot : slots) {
            last = Math.max(last, slot);
        }
        groups.add(new Group(home, Batch.of(slots, positions), last, rows, rows + slots.length));
        rows += slots.length;
    }

    @Override
    public Array attend(int layer, Array qkv, AttentionShape shape) {
        if (groups.size() == 1) {
            return attend(groups.getFirst(), layer, qkv, shape);
        }
        Array[] parts = new Array[groups.size()];
        int width = qkv.dim(1);
        for (int i = 0; i < parts.length; i++) {
            Group group = groups.get(i);
            Array part = Mlx.slice(qkv, new int[] {group.start, 0}, new int[] {group.end, width});
            parts[i] = attend(group, layer, part, shape);
        }
        return Mlx.concatenate(0, parts);
    }

    private static Array attend(Group group, int layer, Array qkv, AttentionShape shape) {
        KvArena arena = group.home.arena(layer, group.lastSlot);
        if (arena == null) {
            arena = group.home.make(layer, new CapacityClass.Geometry(shape.kvHeads(), shape.headDim(), qkv.dtype()));
        }
        AttentionShape.Rope rope = shape.rope();
        Array q = Mlx.qkvRopeWrite(
                qkv,
                arena,
                group.batch,
                shape.heads(),
                shape.kvHeads(),
                shape.headDim(),
                shape.qNorm(),
                shape.kNorm(),
                shape.eps(),
                rope.dims(),
                rope.base(),
                rope.scale(),
                rope.freqs());
        return Mlx.attention(q, arena, group.batch, shape.heads(), shape.scale());
    }

    /** Frees the batches; the graph built with them holds what it needs. */
    @Override
    public void close() {
        groups.forEach(group -> group.batch.close());
    }
}
