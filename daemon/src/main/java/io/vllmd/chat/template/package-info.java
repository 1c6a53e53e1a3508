/** A Jinja interpreter for chat templates. */
@NullMarked
package io.vllmd.chat.template;

import org.jspecify.annotations.NullMarked;
