/** Requests to batched steps: scheduler, KV cache, sampling. */
@NullMarked
package io.vllmd.engine;

import org.jspecify.annotations.NullMarked;
