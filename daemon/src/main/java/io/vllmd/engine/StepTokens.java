package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Mlx;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The input of a step: tokens that the host knows, and tokens that earlier choices are still making, which go from one
 * step to the next on the device.
 */
final class StepTokens {
    private final List<Choice> unread;
    private final int[] ids;
    private final int[] from;
    private @Nullable Array previous;

    /** @param unread choices that may still be in the making, all that any of the runs waits for among them */
    StepTokens(List<Step.Run> runs, List<Choice> unread) {
        this.unread = unread;
        int count = 0;
        for (Step.Run run : runs) {
            count += run.rows();
        }
        ids = new int[count];
        from = new int[count];
        Arrays.fill(from, -1);
        int row = 0;
        for (Step.Run run : runs) {
            Sequence sequence = run.sequence();
            if (sequence.pending != null) {
                from[row] = indexOf(sequence);
            } else {
                System.arraycopy(sequence.tokens(), sequence.written, ids, row, run.tokens());
            }
            System.arraycopy(run.drafts(), 0, ids, row + run.tokens(), run.drafts().length);
            row += run.rows();
        }
    }

    int rows() {
        return ids.length;
    }

    /** Index in {@link #previous} of the token that the host does not know yet, −1 where it knows all. */
    int indexOf(Sequence sequence) {
        if (sequence.pending == null) {
            return -1;
        }
        int start = 0;
        for (Choice each : unread) {
            if (each == sequence.pending) {
                return start + sequence.pendingRow;
            }
            start += each.rows();
        }
        throw new IllegalStateException(
                "request " + sequence.request.id() + " waits for a token that was read or never submitted");
    }

    /** int32 [rows]. Depends on all that was submitted before, so that no device runs a later step's writes early. */
    Array build() {
        if (unread.size() == 1) {
            previous = unread.getFirst().tokens();
        } else if (unread.size() > 1) {
            previous = Mlx.concatenate(0, unread.stream().map(Choice::tokens).toArray(Array[]::new));
        }
        return Mlx.stepTokens(previous, from, ids);
    }

    /** Tokens of all unread choices one after another, once built. */
    @Nullable
    Array previous() {
        return previous;
    }
}
