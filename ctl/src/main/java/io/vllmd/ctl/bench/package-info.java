/**
 * Measures a running server over HTTP: any that speaks OpenAI's chat completions. Nothing here is loaded by other
 * commands.
 */
@NullMarked
package io.vllmd.ctl.bench;

import org.jspecify.annotations.NullMarked;
