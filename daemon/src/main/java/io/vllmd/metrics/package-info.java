/** Counters. */
@NullMarked
package io.vllmd.metrics;

import org.jspecify.annotations.NullMarked;
