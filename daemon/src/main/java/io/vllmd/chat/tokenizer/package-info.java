/** Tokenizer.json to token ids and back. */
@NullMarked
package io.vllmd.chat.tokenizer;

import org.jspecify.annotations.NullMarked;
