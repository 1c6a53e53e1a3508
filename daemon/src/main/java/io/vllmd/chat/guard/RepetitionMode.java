package io.vllmd.chat.guard;

/**
 * How much repetition a guard bears. A loop is one where both bounds are reached: so many tokens in all, and so many
 * repetitions of what repeats itself. {@link #SAFE} is for everybody: what people ask for on purpose does not reach its
 * bounds. {@link #STRICT} saves tokens where answers are prose, and may end a song.
 */
public enum RepetitionMode {
    SAFE(512, 4096, 1024, 96, 6),
    STRICT(128, 2048, 1024, 32, 4);

    private static final int REPEATS_OF_DATA = 12;

    private final int blank;
    private final int symbols;
    private final int data;
    private final int prose;
    private final int repeatsOfProse;

    RepetitionMode(int blank, int symbols, int data, int prose, int repeatsOfProse) {
        this.blank = blank;
        this.symbols = symbols;
        this.data = data;
        this.prose = prose;
        this.repeatsOfProse = repeatsOfProse;
    }

    /** Tokens from which on repetition with this period is a loop. */
    int bound(LoopKind kind, int period) {
        return switch (kind) {
            case BLANK -> Math.max(blank, REPEATS_OF_DATA * period);
            case SYMBOLS -> Math.max(symbols, REPEATS_OF_DATA * period);
            case DATA -> Math.max(data, REPEATS_OF_DATA * period);
            case PROSE -> Math.max(prose, repeatsOfProse * period);
        };
    }

    /** The smallest bound that any text has. */
    int leastBound(int period) {
        return bound(LoopKind.PROSE, period);
    }
}
