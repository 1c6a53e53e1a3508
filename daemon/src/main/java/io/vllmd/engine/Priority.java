package io.vllmd.engine;

/** Who goes first where places, memory or time are short; inside one priority, first come first served. */
public enum Priority {
    /** Somebody waits for it. */
    INTERACTIVE,
    /** Nobody does: it starts when nothing interactive waits, and gives up its memory first. */
    BACKGROUND
}
