/** What is loaded, which profile is active, state on disk. */
@NullMarked
package io.vllmd.runtime;

import org.jspecify.annotations.NullMarked;
