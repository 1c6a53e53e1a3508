/** Model files: where they are, what they hold, whether they are sound. */
@NullMarked
package io.vllmd.hub;

import org.jspecify.annotations.NullMarked;
