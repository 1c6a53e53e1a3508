package io.vllmd.chat.tokenizer;

/** What becomes of the matches of a split and the text between them; the pieces, in order, for every behaviour. */
enum SplitBehavior {
    REMOVED,
    ISOLATED,
    MERGED_WITH_PREVIOUS,
    MERGED_WITH_NEXT,
    CONTIGUOUS;

    static SplitBehavior of(Component component) {
        return switch (component.string("behavior")) {
            case "Removed" -> REMOVED;
            case "Isolated" -> ISOLATED;
            case "MergedWithPrevious" -> MERGED_WITH_PREVIOUS;
            case "MergedWithNext" -> MERGED_WITH_NEXT;
            case "Contiguous" -> CONTIGUOUS;
            default ->
                throw component.unsupported(
                        "the behavior " + component.string("behavior"),
                        "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
        };
    }

    /**
     * Joins spans to pieces.
     *
     * @param spans starts and ends in turn, in order and without gaps; a matching span may be empty
     * @param matching for each span, whether it is a match
     * @return starts and ends of the pieces in turn; empty pieces are left in
     */
    int[] join(int[] spans, boolean[] matching) {
        IntList pieces = new IntList();
        boolean backwards = this == MERGED_WITH_NEXT;
        boolean previousMatch = false;
        for (int k = 0; k < matching.length; k++) {
            int i = backwards ? matching.length - 1 - k : k;
            boolean joined = k > 0
                    && switch (this) {
                        case REMOVED, ISOLATED -> false;
                        case MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT -> matching[i] && !previousMatch;
                        case CONTIGUOUS -> matching[i] == previousMatch;
                    };
            previousMatch = matching[i];
            if (this == REMOVED && matching[i]) {
                continue;
            }
            if (!joined) {
                pieces.add(spans[i * 2]);
                pieces.add(spans[i * 2 + 1]);
            } else if (backwards) {
                pieces.set(pieces.size() - 2, spans[i * 2]);
            } else {
                pieces.set(pieces.size() - 1, spans[i * 2 + 1]);
            }
        }
        return backwards ? reversed(pieces) : pieces.toArray();
    }

    private static int[] reversed(IntList pieces) {
        int[] inOrder = new int[pieces.size()];
        for (int i = 0; i < inOrder.length; i += 2) {
            inOrder[i] = pieces.get(inOrder.length - 2 - i);
            inOrder[i + 1] = pieces.get(inOrder.length - 1 - i);
        }
        return inOrder;
    }
}
