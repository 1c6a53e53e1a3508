/**
 * Who holds which page of the KV cache, and which pages hold what somebody computed before. Page ids and token ids
 * only: the arrays behind them belong to whoever builds the steps.
 */
@NullMarked
package io.vllmd.engine.cache;

import org.jspecify.annotations.NullMarked;
