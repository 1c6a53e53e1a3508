package io.vllmd.runtime;

/** Hears how far a load is. Called on the loading thread; must not block for long. */
@FunctionalInterface
public interface LoadProgress {

    /**
     * @param stage what is being done, in a word or two
     * @param fraction of the whole load, 0 to 1
     */
    void at(String stage, double fraction);
}
