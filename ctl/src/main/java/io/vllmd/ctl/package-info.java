/** vllmctl: the command that steers a running daemon. */
@NullMarked
package io.vllmd.ctl;

import org.jspecify.annotations.NullMarked;
