/** Reads the cache of models that Hugging Face's tools keep on disk; never writes to it. */
@NullMarked
package io.vllmd.config.hf;

import org.jspecify.annotations.NullMarked;
