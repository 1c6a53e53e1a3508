package io.vllmd.engine;

/**
 * How a model is served.
 *
 * @param kvBits 8 or 4 packs keys and values, which loses a little; 0 keeps them as the model makes them
 * @param identity tells the weights apart by what they hold: pages on disk belong to it. Empty where nothing of the model
 *     goes to disk
 */
public record LaneOptions(int kvBits, String identity) {
    /** Nothing packed, nothing on disk. */
    public static final LaneOptions PLAIN = new LaneOptions(0, "");
}
