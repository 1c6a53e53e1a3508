/**
 * The messages between vllmctl and the daemon: JSON-RPC 2.0, one JSON document a line, UTF-8. Built on
 * streaming JSON alone, because vllmctl starts anew for every command.
 */
@NullMarked
package io.vllmd.control.protocol;

import org.jspecify.annotations.NullMarked;
