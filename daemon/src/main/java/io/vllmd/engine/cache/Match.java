package io.vllmd.engine.cache;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a lookup found. Every page in it was retained for the caller, who releases it in the end.
 *
 * @param tokens all that need not be computed, those of the partial page included
 * @param fullPages of each full page, from the first, its id in every group; −1 in a group whose window has passed it
 * @param partial a page to be copied from for the tokens after the full ones, or null
 */
public record Match(
        int tokens, List<int[]> fullPages, @Nullable Partial partial) {

    /**
     * A page of which only the first tokens are the caller's, so that it goes on in a copy of its own.
     *
     * @param pages its id in every group
     * @param tokens how many of its positions to copy, 1 … 64
     */
    public record Partial(int[] pages, int tokens) {}
}
