package io.vllmd.engine;

import java.util.Set;

/**
 * What the engine is asked to do: continue token ids.
 *
 * @param id names the request in logs
 * @param prompt token ids, at least one
 * @param sampling how tokens are chosen
 * @param maxTokens most tokens to make; prompt.length + maxTokens fits the model's context
 * @param stopTokens ids that end the answer; they are not handed out
 */
public record GenerationRequest(String id, int[] prompt, Sampling sampling, int maxTokens, Set<Integer> stopTokens) {}
