/** How much memory models take, and how much of the machine's there is for them. */
@NullMarked
package io.vllmd.engine.memory;

import org.jspecify.annotations.NullMarked;
