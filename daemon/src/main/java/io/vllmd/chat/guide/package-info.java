/** What guides of all kinds share. */
@NullMarked
package io.vllmd.chat.guide;

import org.jspecify.annotations.NullMarked;
