/** What a wire API needs from whatever carries it. */
@NullMarked
package io.vllmd.api;

import org.jspecify.annotations.NullMarked;
