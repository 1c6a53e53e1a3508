package io.vllmd.engine.cache;

import org.jspecify.annotations.Nullable;

/** Something in a prefix tree that nobody beside the tree uses at the moment, an element of an {@link IdleList}. */
abstract class Idle {
    @Nullable
    Idle older;

    @Nullable
    Idle newer;

    /** When it was let go of, in ticks of the tree. */
    long since;

    boolean listed;

    /** Pages that become free where it is dropped, those of other elements not counted. */
    abstract int weight();
}
