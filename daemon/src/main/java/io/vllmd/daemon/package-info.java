/** Main, composition and shutdown of the daemon. */
@NullMarked
package io.vllmd.daemon;

import org.jspecify.annotations.NullMarked;
