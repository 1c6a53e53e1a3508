/** The one pipeline from token ids to text and reasoning. */
@NullMarked
package io.vllmd.chat.output;

import org.jspecify.annotations.NullMarked;
