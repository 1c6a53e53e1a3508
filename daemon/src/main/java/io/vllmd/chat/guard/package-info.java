/** Ends answers that go in circles. */
@NullMarked
package io.vllmd.chat.guard;

import org.jspecify.annotations.NullMarked;
