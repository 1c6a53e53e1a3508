/** The messages between vllmctl and the daemon: JSON-RPC 2.0, one document a line. */
@NullMarked
package io.vllmd.control.protocol;

import org.jspecify.annotations.NullMarked;
