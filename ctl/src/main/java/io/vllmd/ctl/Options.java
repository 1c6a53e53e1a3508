package io.vllmd.ctl;

import org.jspecify.annotations.Nullable;

/** The options that every command takes; written by the argument parser before the command runs. */
final class Options {
    final Terminal terminal;
    boolean json;
    boolean quiet;

    /** Seconds, or null for the command's own. */
    @Nullable
    Integer timeout;

    Options(Terminal terminal) {
        this.terminal = terminal;
    }
}
