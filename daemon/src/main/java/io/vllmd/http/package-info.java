/** Netty: connections, routing, SSE, limits, graceful stop. */
@NullMarked
package io.vllmd.http;

import org.jspecify.annotations.NullMarked;
