/** The OpenAI wire format. */
@NullMarked
package io.vllmd.api.openai;

import org.jspecify.annotations.NullMarked;
