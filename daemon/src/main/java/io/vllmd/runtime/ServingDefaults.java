package io.vllmd.runtime;

import io.vllmd.config.RepetitionPolicy;
import io.vllmd.engine.Priority;
import io.vllmd.engine.Sampling;

/**
 * What is used where a request does not say.
 *
 * @param sampling the model's own generation_config.json, then the profile's; its seed is without meaning
 * @param deterministic whether an answer must not depend on what runs beside it
 */
public record ServingDefaults(Sampling sampling, boolean deterministic, Priority priority, RepetitionPolicy guard) {}
