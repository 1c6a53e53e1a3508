/** Architectures: config and weights to a forward pass. */
@NullMarked
package io.vllmd.model;

import org.jspecify.annotations.NullMarked;
