/** The Unix socket server that vllmctl speaks to. */
@NullMarked
package io.vllmd.control;

import org.jspecify.annotations.NullMarked;
