package io.vllmd.runtime;

import io.vllmd.engine.Sampling;
import java.util.List;

/**
 * What a client asked of one answer, in no API's words.
 *
 * @param requestId names it in logs
 * @param sampling how tokens are chosen
 * @param maxTokens most tokens to make; clamped to the room that the prompt leaves
 * @param stop strings that end the answer and are not part of it
 */
public record AnswerOptions(String requestId, Sampling sampling, int maxTokens, List<String> stop) {}
