package io.vllmd.ctl.bench;

import java.util.Locale;

/** What a server may have kept of a prompt from requests before it. */
public enum CacheUse {
    /** Every prompt is new from its first word. */
    COLD,
    /** Every prompt was answered before, word by word. */
    WARM,
    /** Nine tenths of every prompt were there before, the rest is new. */
    PREFIX_HIT,
    /** All was there before but the first tenth, which is new: nothing may be reused. */
    PREFIX_MISS,
    /** The second turn of a conversation whose first turn was answered just before. */
    TURN;

    /** As it is typed and printed: prefix-hit. */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
