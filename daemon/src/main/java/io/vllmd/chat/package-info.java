/** Conversations to prompt tokens, tokens to text. */
@NullMarked
package io.vllmd.chat;

import org.jspecify.annotations.NullMarked;
