package io.vllmd.engine;

import io.vllmd.model.LanguageModel;
import org.jspecify.annotations.Nullable;

/**
 * How a model is served.
 *
 * @param kvBits 8 or 4 packs keys and values, which loses a little; 0 keeps them as the model makes them
 * @param identity tells the weights apart by what they hold: pages on disk belong to it. Empty where nothing of the model
 *     goes to disk
 * @param draft a smaller model of the same vocabulary that guesses what comes next, where that is measured to be faster;
 *     stays the caller's, who closes it once the lane is detached
 */
public record LaneOptions(
        int kvBits, String identity, @Nullable LanguageModel draft) {
    /** Nothing packed, nothing on disk, nothing guessed by another model. */
    public static final LaneOptions PLAIN = new LaneOptions(0, "", null);
}
