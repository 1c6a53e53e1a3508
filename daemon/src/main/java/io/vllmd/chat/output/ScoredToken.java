package io.vllmd.chat.output;

import io.vllmd.engine.TokenLogprobs;
import org.jspecify.annotations.Nullable;

/**
 * A token of the answer's text with how likely it was.
 *
 * @param logprobs null where the token was forced: nothing else could have come
 */
public record ScoredToken(int id, @Nullable TokenLogprobs logprobs) {}
